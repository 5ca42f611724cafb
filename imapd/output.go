package imapd

import (
	"net"
	"sync"
	"time"
)

// output gathers what the library writes, which is each response for itself: to seal and send a record of TLS for each
// takes longer than all else of a listing. It goes out when a record is full, before anything of the client is waited for
// and, in IDLE, at once.
type output struct {
	to net.Conn

	mu    sync.Mutex
	held  *record // nil if nothing waits, so that an idle connection has no buffer
	limit deadline
}

// record is the content of one record of TLS (RFC 8446 section 5.1).
type record struct {
	octets [16 << 10]byte
	used   int
}

var records = sync.Pool{New: func() any { return new(record) }}

// Write takes all of p. An error may be of something that was taken before.
func (o *output) Write(p []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n < len(p) && err == nil {
		if o.held == nil {
			o.held = records.Get().(*record)
		}
		r := o.held
		taken := copy(r.octets[r.used:], p[n:])
		r.used, n = r.used+taken, n+taken
		if r.used == len(r.octets) {
			err = o.flush()
		}
	}
	return n, err
}

// send lets go what waits.
func (o *output) send() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.flush()
}

// farewell sends what waits, and last words past the library.
func (o *output) farewell(words string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = deadline{end: time.Now().Add(byeLimit)}
	if o.flush() == nil {
		o.to.SetWriteDeadline(o.limit.end)
		o.to.Write([]byte(words))
	}
}

// last sends what waits before a close, which does not wait for a write under way.
func (o *output) last() {
	if o.mu.TryLock() {
		defer o.mu.Unlock()
		o.limit = deadline{end: time.Now().Add(byeLimit)}
		o.flush()
	}
}

// flush gives each record the library's time, or what a literal may stall. No deadline stays behind: TLS writes of itself,
// too.
func (o *output) flush() error {
	r := o.held
	if r == nil {
		return nil
	}
	end := o.limit.next()
	if end.IsZero() {
		end = time.Now().Add(stallLimit)
	}
	o.to.SetWriteDeadline(end)
	_, err := o.to.Write(r.octets[:r.used])
	o.to.SetWriteDeadline(time.Time{})
	clear(r.octets[:r.used])
	r.used, o.held = 0, nil
	records.Put(r)
	return err
}

func (o *output) setLimit(d deadline) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.limit = d
}

// input is the client's octets as they come. What waits goes out before it waits for more.
type input struct {
	net.Conn
	output *output
}

// Read is io.Reader's.
func (i input) Read(p []byte) (int, error) {
	if err := i.output.send(); err != nil {
		return 0, err
	}
	return i.Conn.Read(p)
}
