SELECT CAST($run AS INTEGER) AS run, ip, count(*) AS failures, count(DISTINCT upn) AS users,
       min(generated) AS first, max(generated) AS last
FROM signins
WHERE {window} AND code <> {code:0}
GROUP BY ip
HAVING count(*) >= 3 AND count(DISTINCT upn) >= 2
