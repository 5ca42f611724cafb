package main

import (
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// systemd CONFIG: does to a server what systemd does: passes the sockets "web" and "smtps", hears that it is ready, renews
// the certificate and says so, asks it to end, and hears that it does.
func systemdWord(ts *testscript.TestScript, _ bool, args []string) {
	use(ts, len(args) == 1, "systemd CONFIG")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(ts.MkAbs("."), "notify"), Net: "unixgram"})
	ts.Check(err)
	defer heard.Close()
	web, webFile := socket(ts)
	_, smtpsFile := socket(ts)
	// LISTEN_PID is the process's own, which the shell has before it becomes the server.
	c := exec.Command("sh", "-c", `LISTEN_PID=$$ exec sigill serve --config "$0"`, ts.MkAbs(args[0]))
	c.Dir = ts.MkAbs(".")
	c.Env = append(os.Environ(), "PATH="+ts.Getenv("PATH"), "LISTEN_FDS=2", "LISTEN_FDNAMES=web:smtps", "NOTIFY_SOCKET="+heard.LocalAddr().String())
	c.ExtraFiles = []*os.File{webFile, smtpsFile}
	var said lockedBuffer
	c.Stderr = &said
	ts.Check(c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	defer c.Process.Kill()

	wanted(ts, heard, "READY=1", &said)
	before := shown(ts, web)
	certificateWord(ts, false, []string{"a/tls", "sakert.exempelkommun.example"})
	ts.Check(c.Process.Signal(syscall.SIGHUP))
	for until := time.Now().Add(20 * time.Second); shown(ts, web) == before; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			ts.Fatalf("the certificate is the old one after SIGHUP: %s", said.Bytes())
		}
	}
	ts.Check(c.Process.Signal(syscall.SIGTERM))
	wanted(ts, heard, "STOPPING=1", &said)
	if err := <-ended; err != nil {
		ts.Fatalf("after SIGTERM: %v: %s", err, said.Bytes())
	}
	if !strings.Contains(string(said.Bytes()), "sigill: ended") {
		ts.Fatalf("it did not come to its end: %s", said.Bytes())
	}
}

// socket is a listening one, to be passed on.
func socket(ts *testscript.TestScript) (address string, f *os.File) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer l.Close()
	f, err = l.(*net.TCPListener).File()
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	return l.Addr().String(), f
}

func wanted(ts *testscript.TestScript, heard *net.UnixConn, want string, said *lockedBuffer) {
	ts.Check(heard.SetReadDeadline(time.Now().Add(time.Minute)))
	b := make([]byte, 100)
	n, err := heard.Read(b)
	if err != nil || string(b[:n]) != want {
		ts.Fatalf("heard %q, %v, not %s: %s", b[:n], err, want, said.Bytes())
	}
}

// shown is the serial number of the certificate at an address.
func shown(ts *testscript.TestScript, address string) string {
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // which one it is, is the question
	ts.Check(err)
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}
