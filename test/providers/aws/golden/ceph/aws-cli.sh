# RGW_URL is the URL of the gateway
# Once per account or tenant: the identity provider. RGW 16 does not compare the thumbprint; a newer one wants the SHA-1 of `x5c[0]` of the first key in the JWKS.
aws --endpoint-url "$RGW_URL" iam create-open-id-connect-provider \
  --url https://arsia.example.com/oidc \
  --client-id-list aws \
  --thumbprint-list 0000000000000000000000000000000000000000
# Ceph RGW 16 cannot add an audience to a provider that exists (405). Delete it, and create it with all its audiences:
# aws --endpoint-url "$RGW_URL" iam delete-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::research:oidc-provider/arsia.example.com/oidc
# A new role, with the trust policy above saved as trust-policy.json
aws --endpoint-url "$RGW_URL" iam create-role \
  --role-name deploy \
  --assume-role-policy-document file://trust-policy.json
# A role that exists
aws --endpoint-url "$RGW_URL" iam update-assume-role-policy \
  --role-name deploy \
  --policy-document file://trust-policy.json
