SELECT CAST($run AS INTEGER) AS run, generated, upn, ip, agent
FROM signins
WHERE {window} AND regexp_matches(agent_text, '(?i)(python-requests|go-http-client|axios|powershell|curl|okhttp)[/ ]?[0-9]+')
