# If the account has it already: terraform import aws_iam_role.deploy deploy
# What the role may do is for you to add: aws_iam_role_policy_attachment or aws_iam_role_policy.
resource "aws_iam_role" "deploy" {
  name = "deploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws-us-gov:iam::111122223333:oidc-provider/arsia.example.com/oidc"
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "arsia.example.com/oidc:aud" = "aws"
          }
          StringLike = {
            "arsia.example.com/oidc:sub" = "mi_01m7xpe600e40r2081040g2081:usr_*"
          }
        }
      },
    ]
  })
}
