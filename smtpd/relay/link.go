package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/textproto"
	"strings"
	"time"
)

// link is a connection to an upstream on which MAIL may be said. One goroutine uses it at a time.
type link struct {
	under    *conn
	timeouts Timeouts
	rest     io.LimitedReader // of what the upstream may say before the next command
	r        *textproto.Reader
	w        *bufio.Writer
	has      map[string]string // extensions by name in capitals, with their parameters
	tls      tls.ConnectionState

	born   time.Time
	expiry *time.Timer // while it is parked
	broken bool        // nobody knows what the upstream would make of the next command
	stop   func() bool // ctx's hold on the connection
}

// talk is how much an upstream may say at one time. RFC 5321 section 4.5.3.1.5 allows 512 octets for a line.
const talk = 256 << 10

// over lets the link speak over a connection: the bare one, or TLS upon it.
func (l *link) over(c io.ReadWriter) {
	l.rest = io.LimitedReader{R: c}
	l.r = textproto.NewReader(bufio.NewReaderSize(&l.rest, 4<<10))
	l.w = bufio.NewWriterSize(c, 16<<10)
}

// hold lets the end of ctx close the connection, until let.
func (l *link) hold(ctx context.Context) { l.stop = context.AfterFunc(ctx, l.close) }

// let ends the hold and tells whether the link is good for another mail.
func (l *link) let() bool { return l.stop() && !l.broken }

func (l *link) close() { _ = l.under.Close() }

// quit says goodbye. What the upstream says to it is of no interest.
func (l *link) quit() {
	l.under.patience, l.under.write = goodbye, goodbye
	l.say("QUIT")
	_, _ = l.hear(goodbye)
	l.close()
}

// reset ends a transaction the upstream refused (RFC 5321 section 4.1.1.5).
func (l *link) reset() {
	if r, err := l.ask("RSET"); err != nil || r.Code != 250 {
		l.broken = true
	}
}

// say puts a command line where the next flush sends it.
func (l *link) say(words ...string) {
	for _, word := range words {
		_, _ = l.w.WriteString(word) // the error stays and comes with Flush
	}
	_, _ = l.w.WriteString("\r\n")
}

// hear sends what was said and reads one reply.
func (l *link) hear(patience time.Duration) (Reply, error) {
	l.under.patience = patience
	l.rest.N = talk
	if l.w.Buffered() > 0 {
		if err := l.w.Flush(); err != nil {
			l.broken = true
			return Reply{}, err
		}
	}
	code, text, err := l.r.ReadResponse(0)
	if err != nil {
		l.broken = true
		return Reply{}, err
	}
	if code == 421 {
		l.broken = true // RFC 5321 section 3.8: it closes the connection
	}
	return newReply(code, text), nil
}

// ask says one command and gives the reply.
func (l *link) ask(words ...string) (Reply, error) {
	l.say(words...)
	return l.hear(l.timeouts.Command)
}

// knows tells whether the upstream offered an extension.
func (l *link) knows(extension string) bool {
	_, ok := l.has[extension]
	return ok
}

// extensions reads the reply to EHLO (RFC 5321 section 4.1.1.1); its first line is the upstream's name.
func extensions(text string) map[string]string {
	has := map[string]string{}
	_, lines, _ := strings.Cut(text, "\n")
	for line := range strings.SplitSeq(lines, "\n") {
		keyword, parameters, _ := strings.Cut(line, " ")
		has[strings.ToUpper(keyword)] = parameters
	}
	return has
}
