# If the account has it already: terraform import aws_iam_role.shared shared
# What the role may do is for you to add: aws_iam_role_policy_attachment or aws_iam_role_policy.
resource "aws_iam_role" "shared" {
  name                 = "shared"
  path                 = "/acme/"
  max_session_duration = 7200
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws:iam::111122223333:oidc-provider/arsia.example.com/oidc"
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "arsia.example.com/oidc:aud" = "aws"
            "arsia.example.com/oidc:sub" = [
              "mi_01m7xpe600e40r2081040g2081:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e40r2081040g2081:ws_01m7xpe600e81840g2081040g2",
            ]
          }
        }
      },
      {
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws:iam::111122223333:oidc-provider/arsia.example.com/oidc"
        }
        Action = ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"]
        Condition = {
          StringEquals = {
            "arsia.example.com/oidc:aud" = "aws"
            "arsia.example.com/oidc:sub" = "mi_01m7xpe600e81840g2081040g2"
          }
        }
      },
      {
        Effect = "Allow"
        Principal = {
          Federated = "arn:aws:iam::111122223333:oidc-provider/arsia.example.com/oidc"
        }
        Action = "sts:AssumeRoleWithWebIdentity"
        Condition = {
          StringEquals = {
            "arsia.example.com/oidc:aud" = "aws"
          }
          StringLike = {
            "arsia.example.com/oidc:sub" = "mi_01m7xpe600ec1r60r30c1g60r3:usr_*"
          }
        }
      },
    ]
  })
}
