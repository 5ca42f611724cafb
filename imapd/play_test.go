package imapd

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"
)

func TestPlay(t *testing.T) {
	if os.Getenv("PLAY") == "" {
		t.Skip()
	}
	dir, _ := os.MkdirTemp("", "play-")
	defer os.RemoveAll(dir)
	f := &fixture{TB: t, dir: dir, log: &syncBuffer{}}
	r := f.apart("GOGC=300", "PLAYLOG=/tmp/play.log")
	os.WriteFile(os.Getenv("PLAY"), fmt.Appendf(nil, "PORT=%s\nPASS='%s'\nCA=%s\nSPID=%d\n", r.addr[len("127.0.0.1:"):], r.password, f.caFile, r.pid), 0o600)
	for {
		if _, err := os.Stat(os.Getenv("PLAY")); err != nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func playLog() *slog.Logger {
	w, err := os.OpenFile(os.Getenv("PLAYLOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(w, nil))
}
