// What is answered to which bytes. Every function gives the answer, how many bytes the request took (0: more is
// to come), and whether it was a call, which takes time.
package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
)

const (
	before   = `{"jsonrpc":"2.0","id":`
	shared   = `,"result":{"protocolVersion":"2025-11-25","content":[{"type":"text","text":"hello"}],"isError":false}}`
	listed   = `,"result":{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}}`
	head     = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	streamed = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
	accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
	upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	begun    = streamed
	noted    = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{}}\n\n"
	named    = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: "
	guid     = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
)

var initialize, listen, sessions = []byte(`"initialize"`), []byte(`"subscriptions/listen"`), 0
var numeral, list, tools = []byte(`"id":`), []byte(`"tools/list"`), []byte(`"tools/call"`)

func answerRequest(out, data []byte, here *connection) (answer []byte, used int, call bool) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return out, 0, false
	}
	length, _ := strconv.Atoi(string(header(data[:end], "content-length")))
	used = end + 4 + length
	if len(data) < used {
		return out, 0, false
	}
	if key := header(data[:end], "sec-websocket-key"); key != nil {
		here.websocket = true
		sum := sha1.Sum(append(append([]byte(nil), key...), guid...))
		out = append(append(out, upgraded...), "Sec-WebSocket-Accept: "...)
		out = append(out, base64.StdEncoding.EncodeToString(sum[:])...)
		if wanted := header(data[:end], "sec-websocket-protocol"); wanted != nil {
			out = append(append(out, "\r\nSec-WebSocket-Protocol: "...), wanted...)
		}
		return append(out, "\r\n\r\n"...), used, false
	}
	if bytes.HasPrefix(data, []byte("GET /held")) {
		return append(out, begun...), used, false
	}
	if bytes.HasPrefix(data, []byte("DELETE ")) {
		return append(out, accepted...), used, false
	}
	if took := bytes.HasPrefix(data, []byte("GET /took")); took || bytes.HasPrefix(data, []byte("GET /most")) {
		text := strconv.Itoa(most)
		if took {
			text = strconv.Itoa(tookMedian())
		}
		out = strconv.AppendInt(append(out, head...), int64(len(text)), 10)
		return append(append(out, "\r\n\r\n"...), text...), used, false
	}
	id, tail, call := read(data[end+4 : used])
	size := len(before) + len(id) + len(tail)
	held := bytes.HasPrefix(data, []byte("POST /held"))
	switch {
	case held && bytes.Contains(data[end+4:used], listen):
		out = strconv.AppendInt(append(out, begun...), int64(len(noted)), 16)
		return append(append(append(out, "\r\n"...), noted...), "\r\n"...), used, false
	case held && bytes.Contains(data[end+4:used], initialize) && id != nil:
		sessions++
		out = strconv.AppendInt(append(out, named...), int64(sessions), 10)
		out = strconv.AppendInt(append(out, "\r\nContent-Length: "...), int64(size), 10)
		out = result(append(out, "\r\n\r\n"...), id, tail)
	case id == nil:
		return append(out, accepted...), used, false
	case bytes.HasPrefix(data, []byte("POST /sse")):
		out = strconv.AppendInt(append(out, streamed...), int64(size+len("data: \n\n")), 16)
		out = append(result(append(out, "\r\ndata: "...), id, tail), "\n\n\r\n0\r\n\r\n"...)
	default:
		out = strconv.AppendInt(append(out, head...), int64(size), 10)
		out = result(append(out, "\r\n\r\n"...), id, tail)
	}
	return out, used, call
}

func answerFrame(out, data []byte) (answer []byte, used int, call bool) {
	if len(data) < 6 {
		return out, 0, false
	}
	start, length := 6, int(data[1]&127)
	if length >= 126 { // longer than 64 KB is not for us
		start, length = 8, int(data[2])<<8|int(data[3])
	}
	used = start + length
	if len(data) < used {
		return out, 0, false
	}
	mask, text := data[start-4:start], data[start:used]
	for i := range text {
		text[i] ^= mask[i&3]
	}
	switch opcode := data[0] & 15; opcode {
	case 8: // a goodbye is returned
		return append(append(out, 0x88, byte(length)), text...), used, false
	case 9: // and so is a ping
		return append(append(out, 0x8A, byte(length)), text...), used, false
	}
	id, tail, call := read(text)
	if id == nil {
		return out, used, false
	}
	size := len(before) + len(id) + len(tail)
	return result(append(out, 0x81, 126, byte(size>>8), byte(size)), id, tail), used, call
}

func result(out, id []byte, tail string) []byte {
	return append(append(append(out, before...), id...), tail...)
}

// The digits behind the first "id": (nil: there is none), what to answer, and whether it calls a tool.
func read(body []byte) (id []byte, tail string, call bool) {
	at := bytes.Index(body, numeral)
	if at < 0 {
		return nil, "", false
	}
	if bytes.Contains(body, list) {
		tail = listed
	} else {
		tail, call = shared, bytes.Contains(body, tools)
	}
	body = bytes.TrimLeft(body[at+len(numeral):], " ")
	end := 0
	for end < len(body) && body[end] >= '0' && body[end] <= '9' {
		end++
	}
	return body[:end], tail, call
}

// A header's value, or nil; `name` in small letters.
func header(head []byte, name string) []byte {
	for line := head; ; {
		at := bytes.IndexByte(line, '\n')
		if at < 0 {
			return nil
		}
		line = line[at+1:]
		if len(line) > len(name) && line[len(name)] == ':' && same(line[:len(name)], name) {
			value, _, _ := bytes.Cut(line[len(name)+1:], []byte("\r"))
			return bytes.TrimSpace(value)
		}
	}
}

func same(found []byte, name string) bool {
	for i := range found {
		if found[i]|0x20 != name[i] {
			return false
		}
	}
	return true
}
