package message

import (
	"bytes"
	"strings"
)

// clutter is how the names of fields begin that mail servers leave for each other. They are often most of a header, and mail
// programs do not list them.
var clutter = []string{"ARC-", "Authentication-Results", "DKIM-Signature", "X-Forefront-", "X-Google-", "X-Microsoft-", "X-MS-"}

// Clutter tells a field that AppendUncluttered leaves out, by its name.
func Clutter(name string) bool { return cluttered([]byte(name)) }

func cluttered(line []byte) bool {
	for _, c := range clutter {
		if len(line) >= len(c) && strings.EqualFold(string(line[:len(c)]), c) {
			return true
		}
	}
	return false
}

// AppendUncluttered appends a header's octets but for the lines of such fields. Any other field is found in them as in the
// header itself.
func AppendUncluttered(dst, header []byte) []byte {
	keep := true
	for line := range bytes.Lines(header) {
		if !isSpace(line[0]) {
			keep = !cluttered(line)
		}
		if keep {
			dst = append(dst, line...)
		}
	}
	return dst
}
