# A new role, with the trust policy above saved as trust-policy-2.json
aws iam create-role \
  --role-name shared-2 \
  --path /acme/ \
  --assume-role-policy-document file://trust-policy-2.json
# A role that exists
aws iam update-assume-role-policy \
  --role-name shared-2 \
  --policy-document file://trust-policy-2.json
