# If the account has it already: terraform import aws_iam_role.shared-2 shared-2
# What the role may do is for you to add: aws_iam_role_policy_attachment or aws_iam_role_policy.
resource "aws_iam_role" "shared-2" {
  name = "shared-2"
  path = "/acme/"
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
              "mi_01m7xpe600fmest78x3meht78x:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600frf9w7gy3rf1w7gy:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fwfsy7rz3wfhy7rz:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e0ga081040g20810:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e4gt289144gj2891:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e8ha48h248h248h2:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600echt68s34chj68s3:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600egja89144gj28914:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600emjta9954mjja995:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600erkac9h64rk2c9h6:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ewkte9s74wkje9s7:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f0maga1850m2ga18:ws_01m7xpe600e40r2081040g2081",
            ]
          }
        }
      },
    ]
  })
}
