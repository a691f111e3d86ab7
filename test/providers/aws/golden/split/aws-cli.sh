# A new role, with the trust policy above saved as trust-policy.json
aws iam create-role \
  --role-name shared \
  --path /acme/ \
  --assume-role-policy-document file://trust-policy.json
# A role that exists
aws iam update-assume-role-policy \
  --role-name shared \
  --policy-document file://trust-policy.json
