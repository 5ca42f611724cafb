// Package clamdtest runs Debian's clamd for tests: in a folder of its own, with one signature and no need of freshclam.
package clamdtest

import (
	"crypto/md5"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Signature is what clamd calls the test file, which is no malware. It adds where the signature is from.
const Signature = "Sigill.Test.Eicar.UNOFFICIAL"

// Eicar is the file that scanners agree to find (eicar.org). It stands here in two halves, so that none finds this one.
func Eicar() []byte {
	return []byte(`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STAN` + `DARD-ANTIVIRUS-TEST-FILE!$H+H*`)
}

// Start runs clamd until the test ends, and gives the path of its socket. Settings are lines of clamd.conf(5).
func Start(t testing.TB, settings ...string) string {
	t.Helper()
	path, err := exec.LookPath("clamd")
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/clamd"); err != nil {
			t.Skip("needs clamd: apt-get install clamav-daemon")
		}
	}
	// A socket's path has 107 octets at most, which those of test folders may pass.
	dir, err := os.MkdirTemp("", "clamd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	signature := fmt.Sprintf("%x:%d:%s\n", md5.Sum(Eicar()), len(Eicar()), strings.TrimSuffix(Signature, ".UNOFFICIAL"))
	conf := append([]string{
		"Foreground yes", "LocalSocket " + socket, "DatabaseDirectory " + dir, "TemporaryDirectory " + dir, "MaxThreads 2", "",
	}, settings...)
	write(t, filepath.Join(dir, "test.hdb"), signature)
	write(t, filepath.Join(dir, "clamd.conf"), strings.Join(conf, "\n")+"\n")

	var said strings.Builder
	daemon := exec.Command(path, "--config-file="+filepath.Join(dir, "clamd.conf"))
	daemon.Stdout, daemon.Stderr = &said, &said
	daemon.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that is killed leaves none behind
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	t.Cleanup(func() { daemon.Process.Kill(); <-ended })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return socket
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("clamd: %v: %s", err, said.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("clamd does not listen")
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
