package clamd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxReply is more than clamd ever says.
const maxReply = 4096

// receive reads a reply, which ends with NUL as the command did. One that is cut off is none.
func receive(r io.Reader) (string, error) {
	line, err := bufio.NewReaderSize(io.LimitReader(r, maxReply), maxReply).ReadString(0)
	switch {
	case err == nil:
		return strings.TrimSuffix(line, "\x00"), nil
	case errors.Is(err, io.EOF) && len(line) == maxReply:
		return "", errors.New("its answer is too long")
	case errors.Is(err, io.EOF):
		return "", errors.New("its answer is cut off")
	}
	return "", err
}

// parse reads the reply to INSTREAM: "stream: OK", "stream: NAME FOUND", or what ends in "ERROR".
func parse(reply string) (found string, err error) {
	if reply == "stream: OK" {
		return "", nil
	}
	if name, ok := strings.CutSuffix(reply, " FOUND"); ok {
		if name, ok = strings.CutPrefix(name, "stream: "); ok && name != "" {
			return clean(name), nil
		}
	}
	if strings.HasPrefix(reply, "INSTREAM size limit exceeded") {
		return TooLong, nil
	}
	return "", fmt.Errorf("it answers %q", clean(reply))
}

// maxName is longer than the names of signatures are.
const maxName = 120

// clean is a text that can stand in a log, a reply or a page.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, s[:min(len(s), maxName)])
}
