// Handshakes of TLS 1.3 with a client's certificate, as fast as some connections at once make them, full or resumed,
// each with one HTTP request: a client cannot know that it is believed before it is answered. Prints one JSON object:
// {"rate":..., "resumed":..., "errors":..., "p50_ms":..., "p99_ms":..., "client_ms":...}, client_ms being its own
// processor time for each. Needs the standard library only.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"
)

var (
	address = flag.String("address", "127.0.0.1:8080", "where the server listens")
	folder  = flag.String("certs", "certs", "with ca.crt, client.crt and client.key")
	resume  = flag.Bool("resume", false, "resume the session that the first connection of each client began")
	plain   = flag.Bool("plain", false, "no TLS: what connection and request cost without it")
	clients = flag.Int("clients", 4, "connections at once; each waits for its answer")
	seconds = flag.Float64("seconds", 5, "how long")
)

type tally struct {
	times           []time.Duration
	resumed, errors int
	failure         error
}

func main() {
	flag.Parse()
	own, err := tls.LoadX509KeyPair(*folder+"/client.crt", *folder+"/client.key")
	check(err)
	ca, err := os.ReadFile(*folder + "/ca.crt")
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)

	before, begin := processorTime(), time.Now()
	end := begin.Add(time.Duration(*seconds * float64(time.Second)))
	tallies := make([]tally, *clients)
	var all sync.WaitGroup
	for i := range tallies {
		all.Add(1)
		go func(told *tally) {
			defer all.Done()
			config := &tls.Config{
				RootCAs: roots, Certificates: []tls.Certificate{own}, ServerName: "localhost",
				MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.CurveP256},
			}
			if *resume {
				config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			}
			for time.Now().Before(end) {
				connect(config, told)
			}
		}(&tallies[i])
	}
	all.Wait()
	report(tallies, time.Since(begin), processorTime()-before)
}

func connect(config *tls.Config, told *tally) {
	begin := time.Now()
	resumed, err := ask(config)
	if err != nil {
		told.errors++
		told.failure = err
		return
	}
	told.times = append(told.times, time.Since(begin))
	if resumed {
		told.resumed++
	}
}

func ask(config *tls.Config) (bool, error) {
	under, err := net.DialTimeout("tcp", *address, 5*time.Second)
	if err != nil {
		return false, err
	}
	connection, handshake := under, (*tls.Conn)(nil)
	if !*plain {
		handshake = tls.Client(under, config)
		connection = handshake
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err = connection.Write([]byte("GET /x HTTP/1.0\r\n\r\n")); err != nil {
		return false, err
	}
	answer, err := io.ReadAll(connection)
	if len(answer) == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	if len(answer) > 0 && err == io.ErrUnexpectedEOF {
		err = nil // OpenSSL's server ends without a farewell.
	}
	return handshake != nil && handshake.ConnectionState().DidResume, err
}

func report(tallies []tally, took, processor time.Duration) {
	var times []time.Duration
	resumed, errors := 0, 0
	for _, one := range tallies {
		times = append(times, one.times...)
		resumed += one.resumed
		errors += one.errors
		if one.failure != nil {
			fmt.Fprintln(os.Stderr, one.failure)
		}
	}
	if len(times) == 0 {
		check(fmt.Errorf("no handshake was made"))
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	at := func(share float64) float64 { return milliseconds(times[int(share*float64(len(times)-1))]) }
	fmt.Printf(`{"rate":%.1f,"resumed":%d,"count":%d,"errors":%d,"p50_ms":%.2f,"p99_ms":%.2f,"client_ms":%.3f}`+"\n",
		float64(len(times))/took.Seconds(), resumed, len(times), errors, at(0.5), at(0.99),
		milliseconds(processor)/float64(len(times)))
}

func processorTime() time.Duration {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func milliseconds(of time.Duration) float64 { return float64(of) / float64(time.Millisecond) }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
