package smtpd

import "bytes"

// overheard is told what go-smtp reads and writes on one connection, which is hidden from the conn by TLS. It ends a
// connection on which the place of the next command is lost: go-smtp obeys the chunk of a BDAT command that it could not
// read (by RFC 3030 section 2 nobody can tell how long that is), and so what somebody else may have written.
type overheard struct {
	door *door
	star bool // the last read was the line "*"
}

func (o *overheard) Write(p []byte) (int, error) {
	c := o.door.conn
	switch {
	case !c.replies():
		o.star = bytes.Equal(p, star)
	case isAstray(p), !o.star && bytes.HasPrefix(p, noCommand):
		c.hangUp()
		c.kill()
	}
	return len(p), nil
}

// astray are go-smtp's replies to a BDAT command that it could not read.
var astray = [][]byte{
	[]byte("501 5.5.4 Missing chunk size argument"),
	[]byte("501 5.5.4 Too many arguments"),
	[]byte("501 5.5.4 Unknown BDAT argument"),
	[]byte("501 5.5.4 Malformed size argument"),
}

// noCommand is that to a line without a verb, or without a space behind it: of BDAT too. Clients say "*" when a login has
// failed, as if it could still be cancelled (RFC 4954 section 4).
var noCommand, star = []byte("501 5.5.2 Bad command"), []byte("*\r\n")

func isAstray(reply []byte) bool {
	for _, a := range astray {
		if bytes.HasPrefix(reply, a) {
			return true
		}
	}
	return false
}
