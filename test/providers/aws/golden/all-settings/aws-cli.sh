# Once per account: the identity provider. If it is there already, add the audience to it.
# AWS ignores the thumbprint of an issuer with a certificate of a public authority. For a private one, put the SHA-1 of the top certificate.
aws iam create-open-id-connect-provider \
  --url https://arsia.example.com/oidc \
  --client-id-list aws \
  --thumbprint-list 0000000000000000000000000000000000000000
aws iam add-client-id-to-open-id-connect-provider \
  --open-id-connect-provider-arn arn:aws:iam::111122223333:oidc-provider/arsia.example.com/oidc \
  --client-id aws
# A new role, with the trust policy above saved as trust-policy.json
aws iam create-role \
  --role-name deploy.it \
  --path /acme/ \
  --assume-role-policy-document file://trust-policy.json \
  --max-session-duration 7200
# A role that exists
aws iam update-assume-role-policy \
  --role-name deploy.it \
  --policy-document file://trust-policy.json
