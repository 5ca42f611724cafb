package web

import (
	"net/http"
	"time"
)

// pace pushes the time limits of a connection on while octets move, so that a slow line is served and a dead one is not.
type pace struct {
	control *http.ResponseController
	now     func() time.Time
	// answer is how long after the last octet of a request its answer may begin; quietTime if 0.
	answer time.Duration
	last   time.Time
}

func (p *pace) on() {
	if now := p.now(); now.Sub(p.last) > time.Second {
		p.last = now
		// A writer without deadlines, as in tests, needs none.
		_ = p.control.SetReadDeadline(time.Now().Add(quietTime))
		_ = p.control.SetWriteDeadline(time.Now().Add(max(quietTime, p.answer)))
	}
}
