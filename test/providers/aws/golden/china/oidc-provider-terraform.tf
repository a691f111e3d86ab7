# If the account has it already: terraform import aws_iam_openid_connect_provider.arsia arn:aws-cn:iam::111122223333:oidc-provider/arsia.example.com
# Then add the audience to those that it has.
resource "aws_iam_openid_connect_provider" "arsia" {
  url            = "https://arsia.example.com"
  client_id_list = ["aws:grp_01m7xpe600e40r2081040g2081"]
}
