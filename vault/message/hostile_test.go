package message

import (
	"strings"
	"testing"
	"time"
)

// Headers made to be read again and again cost what others do: those that once took seconds take milliseconds. The limit
// is far from both, so that a slow machine passes.
func TestHostileHeadersAreLinear(t *testing.T) {
	t.Parallel()
	units := []string{`"`, `\"`, "(", "()", "<", "<a", "a,", "a;", "a:", "a@[", "a@b ", "=?a?q?", "=?a?q?x", "=?gb2312?q?a?= ", "a*0*=b;", "a=(;", `a=";`, "\r\n ", " "}
	for _, unit := range units {
		long := strings.Repeat(unit, 1<<20/len(unit))
		for _, field := range []string{"Subject: ", "To: ", "Content-Type: text/plain; ", "Date: ", "References: "} {
			start := time.Now()
			indexWith(Limits{HeaderSize: 1 << 20}, field+long+"\r\n\r\n")
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("%q in %s took %v", unit, field, d)
			}
		}
	}
}
