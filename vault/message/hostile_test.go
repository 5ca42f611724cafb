package message

import (
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Headers made to be read again and again cost what others do.
func TestHostileHeadersAreLinear(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	units := []string{`"`, `\"`, "(", "()", "<", "<a", "a,", "a;", "a:", "a@[", "a@b ", "=?a?q?", "=?a?q?x", "=?gb2312?q?a?= ", "a*0*=b;", "a=(;", `a=";`, "\r\n ", " "}
	for _, unit := range units {
		for _, field := range []string{"Subject: ", "To: ", "Content-Type: text/plain; ", "Date: ", "References: "} {
			if !linear(field, unit) {
				t.Errorf("%q in %s: the time does not go with the length", unit, field)
			}
		}
	}
}

// linear compares eight times the length. What goes with the square takes 64 times as long, and seconds; what the collector
// disturbs once or twice is given another try.
func linear(field, unit string) bool {
	for range 3 {
		short, long := took(field, unit, 16<<10), took(field, unit, 128<<10)
		if long < 24*short || long < time.Second {
			return true
		}
	}
	return false
}

func took(field, unit string, size int) time.Duration {
	raw := field + strings.Repeat(unit, size/len(unit)) + "\r\n\r\n"
	start := used()
	index(raw)
	return used() - start
}

// used is the processor time of this goroutine's thread, which other programs take nothing of.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &u); err != nil {
		panic(err) // who asks for its own thread's is told
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
