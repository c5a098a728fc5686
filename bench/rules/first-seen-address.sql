WITH recent AS (
  SELECT upn, ip, min(generated) AS first_seen, count(*) AS sign_ins
  FROM signins
  WHERE {window} AND generated > $now - {1d} AND code = {code:0}
  GROUP BY upn, ip)
SELECT CAST($run AS INTEGER) AS run, recent.*
FROM recent
ANTI JOIN (SELECT upn, ip FROM signins
           WHERE {window} AND generated BETWEEN $now - {14d} AND $now - {1d} AND code = {code:0}) known
  ON recent.upn = known.upn AND recent.ip = known.ip
