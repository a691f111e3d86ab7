# If the account has it already: terraform import aws_iam_openid_connect_provider.arsia arn:aws-us-gov:iam::111122223333:oidc-provider/arsia.example.com/oidc
# Then add the audience to those that it has.
resource "aws_iam_openid_connect_provider" "arsia" {
  url            = "https://arsia.example.com/oidc"
  client_id_list = ["aws"]
}
