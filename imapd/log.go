package imapd

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
)

// libraryLog is the library's log. Of what it says only the words of its own source are kept, since the rest can be what
// the client sent. A panic it has caught is an error with its stack and without its value, which can be content, unless that
// is Go's own.
type libraryLog struct {
	log    *slog.Logger
	panics *atomic.Int64
}

// Printf is the library's.
func (l *libraryLog) Printf(format string, args ...any) {
	if strings.HasPrefix(format, "panic") {
		l.panics.Add(1)
		for i, a := range args {
			switch a.(type) {
			case runtime.Error, []byte: // []byte is the stack
			default:
				args[i] = fmt.Sprintf("%T", a)
			}
		}
		l.log.Error("imap library: " + fmt.Sprintf(format, args...))
		return
	}
	l.log.Debug("imap library: " + format)
}
