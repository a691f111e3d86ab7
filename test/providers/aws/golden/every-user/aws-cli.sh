# Once per account: the identity provider. If it is there already, add the audience to it.
# AWS ignores the thumbprint of an issuer with a certificate of a public authority. For a private one, put the SHA-1 of the top certificate.
aws --region us-gov-west-1 iam create-open-id-connect-provider \
  --url https://arsia.example.com/oidc \
  --client-id-list aws \
  --thumbprint-list 0000000000000000000000000000000000000000
aws --region us-gov-west-1 iam add-client-id-to-open-id-connect-provider \
  --open-id-connect-provider-arn arn:aws-us-gov:iam::111122223333:oidc-provider/arsia.example.com/oidc \
  --client-id aws
# A new role, with the trust policy above saved as trust-policy.json
aws --region us-gov-west-1 iam create-role \
  --role-name deploy \
  --assume-role-policy-document file://trust-policy.json
# A role that exists
aws --region us-gov-west-1 iam update-assume-role-policy \
  --role-name deploy \
  --policy-document file://trust-policy.json
