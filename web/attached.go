package web

import (
	"bytes"
	"io"
	"iter"
	"slices"

	"sigill/vault"
	"sigill/vault/message"
)

// attached is a file of a message as its reader gets it.
type attached struct {
	file
	open func() io.Reader // of one that is fenced it gives nothing but an error
}

// attachedTo are the files that a message offers, in their order: those of a winmail.dat stand in its place. used are the
// Content-IDs of what the text shows, which are left out.
func attachedTo(v *visit, c *vault.Content, used map[string]bool) iter.Seq2[attached, error] {
	return func(yield func(attached, error) bool) {
		listed := c.Index().Attachments(used)
		for at, p := range c.Index().Walk() {
			if !slices.Contains(listed, p) {
				continue
			}
			all, err := attachedAs(v, c, p, at)
			if err != nil {
				yield(attached{}, err)
				return
			}
			for _, f := range all {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}

// attachedAs is a part as the files it is to a reader: itself, or those of a winmail.dat.
func attachedAs(v *visit, c *vault.Content, p *message.Part, at []int) (out []attached, err error) {
	if err := v.r.Context().Err(); err != nil {
		return nil, err
	}
	inside, err := winmail(v, c, p, at)
	if err != nil {
		return nil, err
	}
	for _, f := range inside {
		out = append(out, attached{f.file, func() io.Reader { return bytes.NewReader(f.data) }})
	}
	if len(out) == 0 {
		out = append(out, attached{fileOf(c, p, at), func() io.Reader { return message.Body(p, c.Section(p.Body)) }})
	}
	return out, nil
}
