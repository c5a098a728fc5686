SELECT CAST($run AS INTEGER) AS run, generated, upn, ip, agent
FROM signins
WHERE {window} AND agent IN (
  SELECT code FROM "names of agent"
  WHERE regexp_matches(value, '(?i)(python-requests|go-http-client|axios|powershell|curl|okhttp)[/ ]?[0-9]+'))
