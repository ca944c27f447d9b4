// The server that the benchmarks are run against: one thread, one epoll loop, no allocation a call.
// It is there to be faster than any generator, and to take exactly as long as it is told. It reads what a
// well-behaved client sends and nothing else; it is no MCP server.
//
//	POST any path   a tool's result with the caller's own id, as JSON; no id: 202
//	POST /sse       the same as a stream of one event, in chunks
//	GET  /ws        WebSocket, a message a frame
//	POST /held      the same for clients that stay: initialize gives a session id; subscriptions/listen, and a GET
//	                there, begin a stream on which nothing comes
//	GET  /most      how many connections were open at the same time, at the most
//	GET  /took      with -delay: the median time that calls really took here since it was last asked, from their
//	                bytes' arrival in the kernel to the write of the answer, in microseconds
//
//	target                  prints the port that it chose on 127.0.0.1, serves until it is killed
//	target -delay 20ms      answers each call that long after it came
//	target -rate 400        serves one call after the other, each for a time drawn from an exponential
//	                        distribution with that many a second on average: the server of an M/M/1 queue
//	target -stall 1s -after 2000        stands still for that long, once, when that many calls have come
package main

import (
	"flag"
	"fmt"
	"log"
	"math/rand"
	"syscall"
	"time"
	"unsafe"
)

const (
	connectionsMax = 1 << 16
	requestMax     = 1 << 16
	tookMax        = 200_000
	slack          = time.Millisecond // this long before an answer is due the loop stops sleeping and spins
)

// A connection and the part of its next request that has come.
type connection struct {
	pending   []byte
	websocket bool
}

// An answer that waits for its time; they fall due in the order they came.
type waiting struct {
	came, due time.Time
	fd        int
	answer    []byte
}

var (
	delay       = flag.Duration("delay", 0, "answer this long after a call came")
	rate        = flag.Float64("rate", 0, "serve this many a second on average, one at a time")
	stall       = flag.Duration("stall", 0, "stand still for so long, once")
	after       = flag.Int("after", 0, "when so many calls have come")
	calls       int
	connections [connectionsMax]connection
	queue       []waiting
	input       = make([]byte, requestMax)
	output      = make([]byte, 0, requestMax)
	control     = make([]byte, 64)
	open, most  int
	took        [tookMax]int // calls by the microseconds that they took
)

func main() {
	flag.Parse()
	listener := check(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0))
	must(syscall.Bind(listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(syscall.Listen(listener, 4096))
	bound := check(syscall.Getsockname(listener))
	fmt.Println(bound.(*syscall.SockaddrInet4).Port)
	serve(listener, check(syscall.EpollCreate1(0)))
}

func serve(listener, poll int) {
	watch(poll, listener)
	events := make([]syscall.EpollEvent, 256)
	for {
		n, err := syscall.EpollWait(poll, events, answerWhatIsDue())
		if err != nil && err != syscall.EINTR {
			log.Fatal(err)
		}
		for _, event := range events[:max(n, 0)] {
			if fd := int(event.Fd); fd != listener {
				take(fd)
			} else if fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK); err == nil {
				syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
				if *delay > 0 {
					syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TIMESTAMPNS, 1)
				}
				connections[fd] = connection{}
				open++
				most = max(most, open)
				watch(poll, fd)
			}
		}
	}
}

// Send what is due; how many milliseconds the loop may sleep until the next is (-1: for ever, 0: not at all).
func answerWhatIsDue() int {
	for len(queue) > 0 {
		left := time.Until(queue[0].due)
		if left > 0 {
			return int(max(left-slack, 0) / time.Millisecond)
		}
		write(queue[0].fd, queue[0].answer)
		if *delay > 0 {
			took[min(max(time.Since(queue[0].came).Microseconds(), 0), tookMax-1)]++
		}
		queue = queue[1:]
	}
	return -1
}

// Read from a connection, and answer every request that is whole.
func take(fd int) {
	n, came, err := receive(fd)
	if err == syscall.EAGAIN {
		return
	}
	if n <= 0 {
		open--
		syscall.Close(fd)
		return
	}
	here := &connections[fd]
	data := input[:n]
	if len(here.pending) > 0 {
		data = append(here.pending, data...)
	}
	for len(data) > 0 {
		var used int
		var call bool
		if here.websocket {
			output, used, call = answerFrame(output[:0], data)
		} else {
			output, used, call = answerRequest(output[:0], data, here)
		}
		if used == 0 {
			break
		}
		data = data[used:]
		reply(fd, output, call, came)
	}
	here.pending = append([]byte(nil), data...)
}

// What has come, and when: as the kernel says where that is asked for, else now.
func receive(fd int) (n int, came time.Time, err error) {
	if *delay == 0 {
		n, err = syscall.Read(fd, input)
		return n, time.Time{}, err
	}
	n, noted, _, _, err := syscall.Recvmsg(fd, input, control, 0)
	if noted < syscall.SizeofCmsghdr+16 {
		return n, time.Now(), err
	}
	stamp := (*syscall.Timespec)(unsafe.Pointer(&control[syscall.SizeofCmsghdr]))
	return n, time.Unix(stamp.Unix()), err
}

// The median of what calls took since it was last asked for.
func tookMedian() int {
	total, seen := 0, 0
	for _, count := range took {
		total += count
	}
	for us, count := range took {
		if seen += count; 2*seen >= total {
			took = [tookMax]int{}
			return us
		}
	}
	return 0
}

// At once, or when its time has come: only calls take time.
func reply(fd int, answer []byte, call bool, came time.Time) {
	if call {
		if calls++; calls == *after {
			time.Sleep(*stall)
		}
	}
	due := time.Time{}
	if *rate > 0 {
		due = time.Now()
		if len(queue) > 0 && queue[len(queue)-1].due.After(due) {
			due = queue[len(queue)-1].due
		}
		due = due.Add(time.Duration(rand.ExpFloat64() / *rate * 1e9))
	} else if *delay > 0 {
		due = time.Now().Add(*delay)
	}
	if !call || due.IsZero() {
		write(fd, answer)
		return
	}
	queue = append(queue, waiting{came, due, fd, append([]byte(nil), answer...)})
}

func write(fd int, data []byte) {
	syscall.Write(fd, data) // answers are small, and a client that does not read them is gone
}

func watch(poll, fd int) {
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	must(syscall.EpollCtl(poll, syscall.EPOLL_CTL_ADD, fd, &event))
}

func check[T any](value T, err error) T {
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
