package smtpd

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestReadHeader(t *testing.T) {
	t.Parallel()
	long := "Subject: a\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 60)+"\r\n", 400) // more than a block
	for _, row := range []struct{ why, mail, header, fault string }{
		{"a body", "A: b\r\n\r\nc\r\n", "A: b\r\n\r\n", ""},
		{"all header", "A: b\r\n", "A: b\r\n", ""},
		{"no line end", "A: b", "A: b", ""},
		{"no header", "\r\nc\r\n", "\r\n", ""},
		{"nothing", "", "", ""},
		{"more than one block", long + "\r\nc\r\n", long + "\r\n", ""},
		{"of the greatest length", strings.Repeat("x", headerLimit-4) + "\r\n\r\nc", strings.Repeat("x", headerLimit-4) + "\r\n\r\n", ""},
		{"too long by one", strings.Repeat("x", headerLimit-3) + "\r\n\r\nc", (strings.Repeat("x", headerLimit-3) + "\r\n\r\n")[:headerLimit], "it is too long"},
	} {
		for how, in := range map[string]io.Reader{
			"at once": strings.NewReader(row.mail), "octet by octet": iotest.OneByteReader(strings.NewReader(row.mail)),
			"with the end": iotest.DataErrReader(strings.NewReader(row.mail)),
		} {
			m, err := readHeader(in, headerLimit)
			if err != nil {
				t.Fatal(err)
			}
			rest, _ := io.ReadAll(m.rest)
			if string(m.header) != row.header || m.fault != row.fault {
				t.Errorf("%s, %s: header of %d octets, %q", row.why, how, len(m.header), m.fault)
			}
			if all := string(m.header) + string(m.start) + string(rest); all != row.mail {
				t.Errorf("%s, %s: %d octets of %d", row.why, how, len(all), len(row.mail))
			}
			m.free()
		}
	}
}

// headerLimit is that of the headers of TestReadHeader.
const headerLimit = 64 << 10
