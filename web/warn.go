package web

import (
	"bytes"
	"io"
	"mime/multipart"
	"regexp"
	"strings"

	"sigill/policy"
)

// warning is what a writer is asked to look at once more before a mail goes out.
type warning struct {
	Key string // of its text
	// Arg is filled into it: a file's name or a number; nil for none.
	Arg any
}

// manyRecipients is the number from which a writer is asked whether all shall see each other.
const manyRecipients = 5

// warnings are those that the header gives rise to. Who is in Bcc is seen by nobody.
func (f fields) warnings(to recipients) (out []warning) {
	if hasNumber(f.Subject) {
		out = append(out, warning{"write.warn.number", nil})
	}
	if n := len(to.to) + len(to.cc); n >= manyRecipients {
		out = append(out, warning{"write.warn.many", n})
	}
	return out
}

var numberLike = regexp.MustCompile(`(?:\d{8}|\d{6})[-+\x{2010}-\x{2015}\x{2212} ]?\d{4}`)

// hasNumber tells whether a text has an identity number in it, with the century or without.
func hasNumber(text string) bool {
	for _, m := range numberLike.FindAllString(text, 100) {
		for _, century := range []string{"", "19", "20"} {
			if _, err := policy.ParsePersonID(century + strings.ReplaceAll(m, "+", "-")); err == nil {
				return true
			}
		}
	}
	return false
}

// inspector keeps a copy of a document that passes through it, to be looked at when it is whole. A larger one is not kept.
type inspector struct {
	io.Reader
	kept bytes.Buffer
	over bool
}

func (i *inspector) Read(p []byte) (int, error) {
	n, err := i.Reader.Read(p)
	if i.over = i.over || i.kept.Len()+n > maxDocument; !i.over {
		i.kept.Write(p[:n])
	}
	return n, err
}

// noInspection lets an attachment through as it is.
func noInspection(p *multipart.Part) (io.Reader, func() []warning) {
	return p, func() []warning { return nil }
}

// inspect is a reader of an attachment and what gives its warnings after it has been read.
func inspect(p *multipart.Part) (io.Reader, func() []warning) {
	return inspectAs(cleanName(p.FileName()), p)
}

// inspectAs is inspect for a file of a name.
func inspectAs(name string, from io.Reader) (io.Reader, func() []warning) {
	if !isDocument(name) {
		return from, func() []warning { return nil }
	}
	i := &inspector{Reader: from}
	return i, func() (out []warning) {
		if i.over {
			return []warning{{"write.warn.unseen", name}}
		}
		found := revisionsIn(i.kept.Bytes())
		if found.Changes {
			out = append(out, warning{"write.warn.changes", name})
		}
		if found.Comments {
			out = append(out, warning{"write.warn.comments", name})
		}
		return out
	}
}
