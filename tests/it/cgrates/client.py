import json, socket, sys
lines = open("vectors.txt").read().splitlines()
for line in lines:
    subject, number, start, end, cost = line.split()
    cd = {"Tor": 0, "CstmId": "vdf", "Subject": subject, "DestinationPrefix": number, "TimeStart": start, "TimeEnd": end}
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.sendall(json.dumps({"id": 1, "method": "Responder.Get", "params": [cd]}).encode())
    answer = json.loads(s.recv(4096))
    assert answer["error"] is None and answer["result"]["Cost"] == float(cost), (line, answer)
print(len(lines), "figures")
