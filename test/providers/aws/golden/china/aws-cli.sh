# Once per account: the identity provider. If it is there already, add the audience to it.
# AWS ignores the thumbprint of an issuer with a certificate of a public authority. For a private one, put the SHA-1 of the top certificate.
aws --region cn-north-1 iam create-open-id-connect-provider \
  --url https://arsia.example.com \
  --client-id-list aws:grp_01m7xpe600e40r2081040g2081 \
  --thumbprint-list 0000000000000000000000000000000000000000
aws --region cn-north-1 iam add-client-id-to-open-id-connect-provider \
  --open-id-connect-provider-arn arn:aws-cn:iam::111122223333:oidc-provider/arsia.example.com \
  --client-id aws:grp_01m7xpe600e40r2081040g2081
# A new role, with the trust policy above saved as trust-policy.json
aws --region cn-north-1 iam create-role \
  --role-name deploy \
  --assume-role-policy-document file://trust-policy.json
# A role that exists
aws --region cn-north-1 iam update-assume-role-policy \
  --role-name deploy \
  --policy-document file://trust-policy.json
