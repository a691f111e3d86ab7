# If the account has it already: terraform import aws_iam_role.shared shared
# What the role may do is for you to add: aws_iam_role_policy_attachment or aws_iam_role_policy.
resource "aws_iam_role" "shared" {
  name = "shared"
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
              "mi_01m7xpe600e40r2081040g2081:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e81840g2081040g2:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ec1r60r30c1g60r3:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600eg2881040g208104:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600em2ra1850m2ga185:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600er38c1g60r30c1g6:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ew3re1r70w3ge1r7:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f048g2081040g208:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f44rj289144gj289:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f858m2ga1850m2ga:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fc5rp2rb1c5gp2rb:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fg68r30c1g60r30c:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fm6rt38d1m6gt38d:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fr78w3ge1r70w3ge:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fw7ry3rf1w7gy3rf:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e089040g2081040g:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e48s248h248h248h:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600e89944gj289144gj:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ec9s64rk2c9h64rk:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ega9850m2ga1850m:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600emasa58n2maha58n:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600erb9c5gp2rb1c5gp:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600ewbse5rq2wbhe5rq:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f0c9g60r30c1g60r:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f4csj68s34chj68s:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600f8d9m6gt38d1m6gt:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fcdsp6rv3cdhp6rv:ws_01m7xpe600e40r2081040g2081",
              "mi_01m7xpe600fge9r70w3ge1r70w:ws_01m7xpe600e40r2081040g2081",
            ]
          }
        }
      },
    ]
  })
}
