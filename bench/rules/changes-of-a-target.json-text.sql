SELECT CAST($run AS INTEGER) AS run, target_id, target_type, count(*) AS changes,
       count(DISTINCT operation) AS operations, max(generated) AS last
FROM (SELECT generated, operation, target ->> 'id' AS target_id, target ->> 'type' AS target_type
      FROM (SELECT generated, operation, unnest(CAST(targets AS JSON[])) AS target
            FROM audits
            WHERE {window} AND category IN ({category:UserManagement}, {category:GroupManagement},
              {category:RoleManagement}, {category:ApplicationManagement})))
WHERE target_type IN ('User', 'Group', 'ServicePrincipal') AND target_id <> ''
GROUP BY target_id, target_type
HAVING count(*) >= 3
