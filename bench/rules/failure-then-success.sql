WITH visible AS (SELECT generated, upn, ip, code FROM signins WHERE {window})
SELECT CAST($run AS INTEGER) AS run, s.generated AS signed_in, f.generated AS failed_at, s.upn, s.ip, f.ip AS failed_from
FROM visible s JOIN visible f ON s.upn = f.upn
WHERE s.code = {code:0} AND f.code <> {code:0} AND s.ip <> f.ip
  AND s.generated - f.generated BETWEEN 0 AND {10m}
