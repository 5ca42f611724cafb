package web

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// limited is an answer whose connection keeps its time limits.
type limited struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (l *limited) SetReadDeadline(t time.Time) error  { l.read = t; return nil }
func (l *limited) SetWriteDeadline(t time.Time) error { l.write = t; return nil }

// TestPace: an upload that stands still is cut off in a minute, and its answer may wait for a malware scanner.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &limited{ResponseRecorder: httptest.NewRecorder()}
		s := &Server{now: time.Now}
		u := s.upload(&visit{w: w, r: httptest.NewRequest(http.MethodPost, "/", strings.NewReader("x"))})
		time.Sleep(time.Hour)
		if _, err := u.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if read, write := time.Until(w.read), time.Until(w.write); read != quietTime || write != verdictTime {
			t.Errorf("%s to read and %s to answer", read, write)
		}
	})
}
