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
          Federated = "arn:aws-cn:iam::111122223333:oidc-provider/arsia.example.com"
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "arsia.example.com:aud" = "aws:grp_01m7xpe600e40r2081040g2081"
            "arsia.example.com:sub" = "mi_01m7xpe600e40r2081040g2081"
          }
        }
      },
    ]
  })
}
