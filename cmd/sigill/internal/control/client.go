package control

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Do has a call carried out by the server of the vault in the folder dir. ErrNobody if there is none; *Error if the command
// ended in one. When ctx ends, so does the command.
func Do(ctx context.Context, dir string, call Call, stdout, stderr io.Writer) error {
	path, done, err := address(dir)
	if err != nil {
		return nobody(err)
	}
	defer done()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nobody(err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	text, err := json.Marshal(call)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)); err != nil {
		return fmt.Errorf("control: the server turned the command away: run it as root or as the server's user: %w", err)
	}
	err = follow(c, stdout, stderr)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// nobody gives ErrNobody if nobody listens.
func nobody(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNobody
	}
	return fmt.Errorf("control: %w", err)
}

// follow writes what comes until the command's end.
func follow(c io.Reader, stdout, stderr io.Writer) error {
	for {
		kind, b, err := readFrame(c)
		switch {
		case err != nil:
			return fmt.Errorf("control: the server went, or turned the command away, before its end: %w", err)
		case kind == frameStdout:
			_, err = stdout.Write(b)
		case kind == frameStderr:
			_, err = stderr.Write(b)
		case kind != frameEnd:
			err = fmt.Errorf("control: a frame of kind %d: client and server are of different versions", kind)
		case len(b) == 0:
			return nil
		default:
			e := &Error{}
			if err := json.Unmarshal(b, e); err != nil {
				return fmt.Errorf("control: %w", err)
			}
			return e
		}
		if err != nil {
			return err
		}
	}
}
