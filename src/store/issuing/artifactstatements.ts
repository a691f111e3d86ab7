const insert = `INSERT INTO oidc_artifacts
  (model, id_hash, grant_hash, uid_hash, user_code_hash, principal_id, payload, expires_at, trust_rule_id)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (model, id_hash)`;

const findBy = (column: string) => `SELECT id_hash, payload, consumed_at FROM oidc_artifacts
  WHERE model = $1 AND ${column} = $2 AND (expires_at IS NULL OR expires_at > $3)`;

export const artifactStatements = {
  save: `${insert} DO UPDATE SET grant_hash = excluded.grant_hash, uid_hash = excluded.uid_hash,
    user_code_hash = excluded.user_code_hash, principal_id = excluded.principal_id, payload = excluded.payload,
    expires_at = excluded.expires_at`,
  saveOnce: `${insert} DO NOTHING RETURNING true`,
  replace: `UPDATE oidc_artifacts SET id_hash = $2, grant_hash = $3, uid_hash = $4, user_code_hash = $5, principal_id = $6,
    payload = $7, expires_at = $8, trust_rule_id = $9 WHERE model = $1 AND id_hash = $10 RETURNING true`,
  findById: findBy('id_hash'),
  findByUid: findBy('uid_hash'),
  findByUserCode: findBy('user_code_hash'),
  // Used tokens are kept to detect a second use: the newest 100 of each grant, or rotations would fill the table.
  consume: `WITH used AS (
      UPDATE oidc_artifacts SET consumed_at = $3
      WHERE model = $1 AND id_hash = $2 AND consumed_at IS NULL AND (expires_at IS NULL OR expires_at > $3)
      RETURNING grant_hash
    ), forgotten AS (
      DELETE FROM oidc_artifacts WHERE model = $1 AND id_hash IN (
        SELECT id_hash FROM oidc_artifacts
        WHERE model = $1 AND grant_hash = (SELECT grant_hash FROM used) AND consumed_at IS NOT NULL
        ORDER BY consumed_at DESC OFFSET 99)
    )
    SELECT true FROM used`,
  // FOR UPDATE, because of two concurrent polls one is too early. One second of grace: a device that waits exactly the
  // interval arrives early when its previous poll was delayed on the network.
  poll: `WITH before AS (
      SELECT model, id_hash, coalesce(poll_after > $3, false) AS is_early, coalesce(poll_interval, $4) AS seconds
      FROM oidc_artifacts WHERE model = $1 AND id_hash = $2 FOR UPDATE
    ), paced AS (
      SELECT model, id_hash, is_early, CASE WHEN is_early THEN seconds + $4 ELSE seconds END AS seconds FROM before
    )
    UPDATE oidc_artifacts AS artifact SET poll_interval = paced.seconds,
      poll_after = $3::timestamptz + make_interval(secs => paced.seconds - 1)
    FROM paced WHERE artifact.model = paced.model AND artifact.id_hash = paced.id_hash
    RETURNING paced.is_early`,
  // A token that was saved while its grant was being revoked has no grant, and must not authenticate.
  findPrincipal: `SELECT principal_id, expires_at FROM oidc_artifacts AS token
    WHERE model IN ('AccessToken', 'ClientCredentials') AND id_hash = $1 AND principal_id IS NOT NULL AND expires_at > $2
    AND (grant_hash IS NULL OR EXISTS (SELECT FROM oidc_artifacts WHERE model = 'Grant' AND id_hash = token.grant_hash
      AND (expires_at IS NULL OR expires_at > $2)))`,
} as const;
