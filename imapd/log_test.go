package imapd

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
)

// TestPanicInLog: the value of a panic can be what a message holds, so only its type is logged.
func TestPanicInLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &libraryLog{log: slog.New(slog.NewTextHandler(&out, nil)), panics: new(atomic.Int64)}
	l.Printf("panic handling command: %v\n%s", "Subject: hemligt", []byte("the stack"))
	if got := out.String(); strings.Contains(got, "hemligt") || !strings.Contains(got, "string") || !strings.Contains(got, "the stack") {
		t.Error(got)
	}
}
