/* The exchange that is nearly always the case, without the interpreter: send, wait, receive, match, judge, pack a row.

   Lane      all connections of a process: one epoll descriptor, which gevent's hub watches. `turn` receives for all that are ready.
   Line      one connection on it. `begin` sends a request; when the reply is in, `turn` hands the line back. `repeat` has the
             line send the same request again, with the next id, or another one that Python draws, until there is something
             else to do.
   Ledger    the recorder's counts, and the memory that rows are packed into
   Times     what Locust's statistics are told about calls of one name

   It decides one thing only: a reply whose head has come before, byte for byte, whose body is JSON-RPC of the usual shape with our
   id, and whose result is no error, is ok. Whatever differs is handed to Python as it came, with the times that were taken, and
   Python decides. Nothing here switches greenlets, waits, or lets go of the interpreter's lock.

   Times are those of http_connection.py and kernel_stamps.py: `sent` before the request is sent, `done` when the kernel had the reply. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SOURCE_HASH
#define SOURCE_HASH ""
#endif

enum { READ_BYTES = 16384, SEND_BYTES = 16384, HEAD_BYTES = 4096, EVENTS = 32, DEPTH = 64, ROW_BYTES = 87, BUCKETS = 100 };
enum { IDLE, OPEN, HANDED };
#define NONE (-1)
#define STREAMED (-2) /* of a head: what follows is a stream, in chunks (response_heads.py) */
#define NS 1000000000LL

static int64_t now_ns(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * NS + at.tv_nsec;
}

/* ---- JSON: each function returns where it stopped, or NULL: not JSON, or not for us to decide ---- */

typedef const unsigned char *text;

static text blank(text p, text end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

static text utf8(text p, text end) {
  unsigned char c = *p;
  int more = c >= 0xC2 && c <= 0xDF ? 1 : (c & 0xF0) == 0xE0 ? 2 : c >= 0xF0 && c <= 0xF4 ? 3 : 0;
  if (!more || end - p <= more) return NULL;
  unsigned char least = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, most = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
  if (p[1] < least || p[1] > most) return NULL;
  for (int i = 2; i <= more; i++)
    if ((p[i] & 0xC0) != 0x80) return NULL;
  return p + more + 1;
}

static int hex4(text p, text end) {
  int number = 0;
  if (end - p < 4) return -1;
  for (int i = 0; i < 4; i++) {
    unsigned char c = p[i];
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    number = number * 16 + digit;
  }
  return number;
}

static text escape(text p, text end) { /* at the backslash */
  if (end - p < 2) return NULL;
  if (p[1] && strchr("\"\\/bfnrt", p[1])) return p + 2;
  if (p[1] != 'u') return NULL;
  int code = hex4(p + 2, end);
  if (code < 0 || (code >= 0xD800 && code <= 0xDFFF)) return NULL; /* halves of pairs: Python decides */
  return p + 6;
}

/* `p` is at the opening quote; `*plain` tells whether the text has no escape in it. */
static text string(text p, text end, int *plain) {
  *plain = 1;
  for (p++; p < end;) {
    unsigned char c = *p;
    if (c == '"') return p + 1;
    if (c < 0x20) return NULL;
    if (c == '\\') {
      *plain = 0;
      p = escape(p, end);
    } else if (c >= 0x80) {
      p = utf8(p, end);
    } else {
      p++;
    }
    if (p == NULL) return NULL;
  }
  return NULL;
}

static text digits(text p, text end, int most) {
  text from = p;
  while (p < end && *p >= '0' && *p <= '9') p++;
  return p == from || p - from > most ? NULL : p;
}

/* Numbers of moderate length; what a large one means, Python decides. */
static text number(text p, text end) {
  if (p < end && *p == '-') p++;
  text from = p;
  p = digits(p, end, 17);
  if (p == NULL || (*from == '0' && p - from > 1)) return NULL;
  if (p < end && *p == '.' && (p = digits(p + 1, end, 17)) == NULL) return NULL;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    p = digits(p, end, 2);
  }
  return p;
}

static text word(text p, text end, const char *expected) {
  size_t size = strlen(expected);
  return (size_t)(end - p) >= size && memcmp(p, expected, size) == 0 ? p + size : NULL;
}

static int is_key(text from, text to, const char *name) { /* with its quotes */
  size_t size = strlen(name);
  return (size_t)(to - from) == size + 2 && memcmp(from + 1, name, size) == 0;
}

static text value(text p, text end, int depth);

/* An object. Of a `result`, what `isError` and `resultType` say has to be the usual. */
static text object(text p, text end, int depth, int is_result) {
  if (depth <= 0) return NULL;
  p = blank(p + 1, end);
  if (p < end && *p == '}') return p + 1;
  while (p < end && *p == '"') {
    int plain;
    text key = p, key_end = string(p, end, &plain);
    if (key_end == NULL || (is_result && !plain)) return NULL;
    p = blank(key_end, end);
    if (p >= end || *p != ':') return NULL;
    p = blank(p + 1, end);
    if (is_result && is_key(key, key_end, "isError"))
      p = word(p, end, "false");
    else if (is_result && is_key(key, key_end, "resultType"))
      p = word(p, end, "\"complete\"");
    else
      p = value(p, end, depth - 1);
    if (p == NULL) return NULL;
    p = blank(p, end);
    if (p < end && *p == '}') return p + 1;
    if (p >= end || *p != ',') return NULL;
    p = blank(p + 1, end);
  }
  return NULL;
}

static text array(text p, text end, int depth) {
  if (depth <= 0) return NULL;
  p = blank(p + 1, end);
  if (p < end && *p == ']') return p + 1;
  while (p < end) {
    p = value(p, end, depth - 1);
    if (p == NULL) return NULL;
    p = blank(p, end);
    if (p < end && *p == ']') return p + 1;
    if (p >= end || *p != ',') return NULL;
    p = blank(p + 1, end);
  }
  return NULL;
}

static text value(text p, text end, int depth) {
  int plain;
  if (p >= end) return NULL;
  switch (*p) {
    case '"': return string(p, end, &plain);
    case '{': return object(p, end, depth, 0);
    case '[': return array(p, end, depth);
    case 't': return word(p, end, "true");
    case 'f': return word(p, end, "false");
    case 'n': return word(p, end, "null");
    default: return number(p, end);
  }
}

/* Whether the body is a response to `id` that is ok beyond doubt; then where its result is. */
static int is_ok(text p, text end, long long id, text *result, text *result_end) {
  enum { VERSION = 1, ID = 2, RESULT = 4 };
  int seen = 0, plain;
  char own[24];
  int own_size = snprintf(own, sizeof own, "%lld", id);
  p = blank(p, end);
  if (p >= end || *p != '{') return 0;
  p = blank(p + 1, end);
  while (p < end && *p == '"') {
    text key = p, key_end = string(p, end, &plain);
    if (key_end == NULL) return 0;
    int member = is_key(key, key_end, "jsonrpc") ? VERSION : is_key(key, key_end, "id") ? ID : is_key(key, key_end, "result") ? RESULT : 0;
    if (!member || seen & member) return 0;
    seen |= member;
    p = blank(key_end, end);
    if (p >= end || *p != ':') return 0;
    p = blank(p + 1, end);
    if (member == VERSION) {
      p = word(p, end, "\"2.0\"");
    } else if (member == ID) {
      if (end - p <= own_size || memcmp(p, own, own_size) != 0) return 0;
      p += own_size; /* a longer number is caught below: what follows must be a comma or a brace */
    } else {
      if (p >= end || *p != '{') return 0;
      *result = p;
      *result_end = p = object(p, end, DEPTH, 1);
    }
    if (p == NULL) return 0;
    p = blank(p, end);
    if (p < end && *p == '}') return seen == (VERSION | ID | RESULT) && blank(p + 1, end) == end;
    if (p >= end || *p != ',') return 0;
    p = blank(p + 1, end);
  }
  return 0;
}

/* The JSON of a stream that is one event in one chunk, and ends with it; 0 if it is anything else. */
static int one_event(text p, text end, text *json, text *json_end) {
  static const char last[] = "\r\n0\r\n\r\n";
  Py_ssize_t size = 0;
  int count = 0;
  for (; p < end && count < 6; p++, count++) {
    int digit = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : *p >= 'A' && *p <= 'F' ? *p - 'A' + 10 : -1;
    if (digit < 0) break;
    size = size * 16 + digit;
  }
  p = count ? word(p, end, "\r\n") : NULL;
  if (p == NULL || end - p != size + (Py_ssize_t)sizeof last - 1 || memcmp(p + size, last, sizeof last - 1) != 0) return 0;
  text event_end = p + size, next = word(p, event_end, "event: message");
  const char *line_end = next != NULL && next < event_end && *next == '\r' ? "\r\n" : "\n";
  if (next != NULL && (p = word(next, event_end, line_end)) == NULL) return 0;
  if ((p = word(p, event_end, "data: ")) == NULL) return 0;
  text newline = memchr(p, '\n', event_end - p);
  if (newline == NULL || newline == p) return 0;
  *json = p;
  *json_end = newline[-1] == '\r' ? newline - 1 : newline;
  if (memchr(p, '\r', *json_end - p) != NULL) return 0; /* that would end the line, too */
  p = newline + 1;
  if (p < event_end && *p == '\r') p++;
  return event_end - p == 1 && *p == '\n';
}

/* ---- Ledger ---- */

typedef struct {
  PyObject_HEAD
  long long started, recorded, rows, block_rows;
  int worker;
  Py_buffer packed, counter;
} Ledger;

static int ledger_init(Ledger *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"packed", "counter", "worker", "row_bytes", NULL};
  PyObject *packed, *counter;
  int row_bytes;
  if (self->packed.obj != NULL) {
    PyErr_SetString(PyExc_RuntimeError, "it has been made already");
    return -1;
  }
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOii", names, &packed, &counter, &self->worker, &row_bytes)) return -1;
  if (row_bytes != ROW_BYTES) {
    PyErr_SetString(PyExc_ValueError, "rows of another size");
    return -1;
  }
  if (PyObject_GetBuffer(packed, &self->packed, PyBUF_WRITABLE) < 0) return -1;
  if (PyObject_GetBuffer(counter, &self->counter, PyBUF_WRITABLE) < 0) return -1;
  if (self->counter.len < (Py_ssize_t)sizeof(int64_t)) {
    PyErr_SetString(PyExc_ValueError, "no room for the count");
    return -1;
  }
  self->block_rows = self->packed.len / ROW_BYTES;
  return 0;
}

static void ledger_dealloc(Ledger *self) {
  if (self->packed.obj != NULL) PyBuffer_Release(&self->packed);
  if (self->counter.obj != NULL) PyBuffer_Release(&self->counter);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMemberDef ledger_members[] = {
    {"started", T_LONGLONG, offsetof(Ledger, started), 0, "calls that have begun"},
    {"recorded", T_LONGLONG, offsetof(Ledger, recorded), 0, "rows of all blocks"},
    {"rows", T_LONGLONG, offsetof(Ledger, rows), 0, "rows of this block"},
    {NULL}};

static PyTypeObject LedgerType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "harness.load.inside.native.wire.Ledger",
    .tp_basicsize = sizeof(Ledger),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)ledger_init,
    .tp_dealloc = (destructor)ledger_dealloc,
    .tp_members = ledger_members,
};

/* ---- Times ---- */

typedef struct {
  PyObject_HEAD
  long long count, bytes_in, buckets[BUCKETS + 1];
  double total, least, most;
  double *others; /* of a tenth of a second or longer, one by one: Locust's own function rounds them */
  Py_ssize_t others_count, others_room;
} Times;

static int times_add(Times *self, double ms, long long bytes_in) {
  if (!(ms < BUCKETS) || ms < 0) {
    if (self->others_count == self->others_room) {
      Py_ssize_t room = self->others_room ? self->others_room * 2 : 64;
      double *larger = PyMem_Realloc(self->others, room * sizeof(double));
      if (larger == NULL) return -1;
      self->others = larger;
      self->others_room = room;
    }
    self->others[self->others_count++] = ms;
  } else {
    self->buckets[lrint(ms)]++; /* half to even, as Python rounds */
  }
  if (self->count == 0 || ms < self->least) self->least = ms;
  if (self->count == 0 || ms > self->most) self->most = ms;
  self->count++;
  self->total += ms;
  self->bytes_in += bytes_in;
  return 0;
}

/* (count, total, least, most, bytes, {whole milliseconds: count}, [longer ones]); begins again from nothing. */
static PyObject *times_take(Times *self, PyObject *Py_UNUSED(none)) {
  PyObject *buckets = PyDict_New(), *others = PyList_New(self->others_count), *taken = NULL;
  if (buckets == NULL || others == NULL) goto failed;
  for (int i = 0; i <= BUCKETS; i++) {
    if (!self->buckets[i]) continue;
    PyObject *key = PyLong_FromLong(i), *count = PyLong_FromLongLong(self->buckets[i]);
    int bad = key == NULL || count == NULL || PyDict_SetItem(buckets, key, count) < 0;
    Py_XDECREF(key);
    Py_XDECREF(count);
    if (bad) goto failed;
  }
  for (Py_ssize_t i = 0; i < self->others_count; i++) {
    PyObject *ms = PyFloat_FromDouble(self->others[i]);
    if (ms == NULL) goto failed;
    PyList_SET_ITEM(others, i, ms);
  }
  taken = Py_BuildValue("LdddLOO", self->count, self->total, self->least, self->most, self->bytes_in, buckets, others);
  if (taken != NULL) {
    memset(self->buckets, 0, sizeof self->buckets);
    self->count = self->bytes_in = self->others_count = 0;
    self->total = self->least = self->most = 0;
  }
failed:
  Py_XDECREF(buckets);
  Py_XDECREF(others);
  return taken;
}

static PyObject *times_add_one(Times *self, PyObject *args) {
  double ms;
  long long bytes_in;
  if (!PyArg_ParseTuple(args, "dL", &ms, &bytes_in)) return NULL;
  if (times_add(self, ms, bytes_in) < 0) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

static void times_dealloc(Times *self) {
  PyMem_Free(self->others);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef times_methods[] = {
    {"take", (PyCFunction)times_take, METH_NOARGS, "What has been added since it was last asked."},
    {"add", (PyCFunction)times_add_one, METH_VARARGS, "Add a call: milliseconds, bytes."},
    {NULL}};
static PyMemberDef times_members[] = {{"count", T_LONGLONG, offsetof(Times, count), READONLY, "calls"}, {NULL}};

static PyTypeObject TimesType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "harness.load.inside.native.wire.Times",
    .tp_basicsize = sizeof(Times),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_dealloc = (destructor)times_dealloc,
    .tp_methods = times_methods,
    .tp_members = times_members,
};

/* ---- Lane and Line ---- */

typedef struct Line Line;

typedef struct {
  PyObject_HEAD
  int epoll;
  Line **lines; /* borrowed: a line takes itself out */
  uint32_t size, generation, free_from; /* no place before `free_from` is free */
  long long epoch_ns, skip;
  int ok_code, detail_code;
  Ledger *ledger;      /* NULL: nothing is recorded */
  PyObject *known;     /* the heads that Python knows */
  PyObject *handlers;  /* of Locust's `request` event */
  Py_ssize_t listeners;
  PyObject *sample;    /* called for some calls of lines that repeat; returns how many to skip, or -1 */
  PyObject *context;   /* its `turns` is None while users decide themselves */
} Lane;

struct Line {
  PyObject_HEAD
  Lane *lane;
  int fd, state, repeats, halted, unsent;
  uint32_t index, generation;
  long long timeout_ns;
  PyObject *owner, *waiter;
  /* the current call */
  long long id, seq, intended_ns, sent_ns, deadline_ns, bytes_out, went_out;
  int class_code, operation, transport, user, session;
  Times *times;
  /* its reply */
  long long first_byte_ns, done_ns, known_ns, held_ns, read_ns, stamp_held_ns, bytes_in;
  int ok, tells, error, misses;
  PyObject *chunk, *result;
  /* the head that came last */
  PyObject *head, *session_id;
  long long body_bytes;
  /* what is sent again */
  PyObject *user_object, *ids, *shot_head, *shot_before, *shot_after;
  PyObject *draw, *request; /* or what is drawn, and the request of the current call */
  long long count, floor_ns;
};

static PyTypeObject LaneType, LineType;
static PyObject *name_state, *name_turns, *name_running, *name_body_bytes, *name_session_id;

static void line_leave(Line *self, int and_epoll) {
  if (self->lane != NULL && self->generation) {
    if (and_epoll) epoll_ctl(self->lane->epoll, EPOLL_CTL_DEL, self->fd, NULL);
    self->lane->lines[self->index] = NULL;
    if (self->index < self->lane->free_from) self->lane->free_from = self->index;
    self->generation = 0;
  }
}

static void pack(Line *line) {
  Ledger *ledger = line->lane->ledger;
  char *at = (char *)ledger->packed.buf + ledger->rows * ROW_BYTES;
  int64_t wide[5] = {line->seq, line->intended_ns, line->sent_ns - line->lane->epoch_ns, line->first_byte_ns - line->lane->epoch_ns, line->done_ns - line->lane->epoch_ns};
  int32_t words[5] = {line->class_code, line->operation, line->transport, line->lane->ok_code, line->lane->detail_code};
  int16_t status = 200;
  int32_t more[6] = {0, line->user, line->session, ledger->worker, (int32_t)line->bytes_out, (int32_t)line->bytes_in};
  int8_t reused = 1;
  memcpy(at, wide, 40);
  memcpy(at + 40, words, 20);
  memcpy(at + 60, &status, 2);
  memcpy(at + 62, more, 24);
  memcpy(at + 86, &reused, 1);
  ledger->rows++;
  ledger->recorded++;
}

/* Whether the connection is as quiet as it should be before a request. */
static int is_quiet(Line *line) {
  struct pollfd one = {line->fd, POLLIN | POLLHUP | POLLERR, 0};
  return poll(&one, 1, 0) == 0;
}

static int gate(Lane *lane) {
  return PyList_GET_SIZE(lane->handlers) == lane->listeners && (lane->ledger == NULL || lane->ledger->rows < lane->ledger->block_rows);
}

/* Send the request; what did not go out at once is for Python to send (`unsent`). */
static void send_now(Line *line, const char *data, size_t size) {
  ssize_t sent;
  do sent = send(line->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  line->error = sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK ? errno : 0;
  line->bytes_out = size;
  line->went_out = sent < 0 ? 0 : sent;
  line->unsent = line->went_out < (long long)size;
  line->deadline_ns = line->sent_ns + line->timeout_ns;
  line->state = line->unsent ? HANDED : OPEN;
}

static void number_call(Line *line, long long intended_ns) {
  Ledger *ledger = line->lane->ledger;
  line->intended_ns = intended_ns;
  line->ok = line->error = line->tells = 0;
  line->bytes_in = 0;
  Py_CLEAR(line->chunk);
  Py_CLEAR(line->result);
  if (ledger != NULL) {
    line->seq = ledger->started++;
    int64_t started = ledger->started;
    memcpy(ledger->counter.buf, &started, sizeof started);
  }
}

static size_t assemble(char *room, PyObject *head, size_t body_bytes, const char *pieces[], const size_t sizes[], int count) {
  size_t at = PyBytes_GET_SIZE(head);
  if (at + body_bytes + 32 > SEND_BYTES) return 0;
  memcpy(room, PyBytes_AS_STRING(head), at);
  at += snprintf(room + at, 32, "%zu\r\n\r\n", body_bytes);
  for (int i = 0; i < count; i++) {
    memcpy(room + at, pieces[i], sizes[i]);
    at += sizes[i];
  }
  return at;
}

/* begin(head, body, id, intended_ns, class, operation, transport, user, session, times)
   True: sent, wait for the line; None: begun, but Python has to go on at once; False: not begun, nothing has happened. */
static PyObject *line_begin(Line *self, PyObject *const *args, Py_ssize_t count) {
  char room[SEND_BYTES];
  if (count != 10 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1]) || !PyObject_TypeCheck(args[9], &TimesType)) {
    PyErr_SetString(PyExc_TypeError, "begin(head, body, id, intended_ns, class, operation, transport, user, session, times)");
    return NULL;
  }
  long long numbers[7];
  for (int i = 0; i < 7; i++) {
    numbers[i] = PyLong_AsLongLong(args[i + 2]);
    if (numbers[i] == -1 && PyErr_Occurred()) return NULL;
  }
  if (self->state != IDLE || !self->generation) {
    PyErr_SetString(PyExc_RuntimeError, "the line is in use, or has left its lane");
    return NULL;
  }
  if (!gate(self->lane)) Py_RETURN_FALSE;
  const char *piece[1] = {PyBytes_AS_STRING(args[1])};
  const size_t piece_size[1] = {PyBytes_GET_SIZE(args[1])};
  size_t size = assemble(room, args[0], piece_size[0], piece, piece_size, 1);
  if (!size) Py_RETURN_FALSE;
  self->sent_ns = now_ns(CLOCK_MONOTONIC);
  if (!is_quiet(self)) Py_RETURN_FALSE;
  number_call(self, numbers[1]);
  self->id = numbers[0];
  self->class_code = (int)numbers[2];
  self->operation = (int)numbers[3];
  self->transport = (int)numbers[4];
  self->user = (int)numbers[5];
  self->session = (int)numbers[6];
  Py_INCREF(args[9]);
  Py_XSETREF(self->times, (Times *)args[9]);
  self->count = 0;
  send_now(self, room, size);
  if (self->unsent) Py_RETURN_NONE;
  Py_RETURN_TRUE;
}

/* repeat(user, floor_ns, ids, head, before, after): from the next `begin` on, send again; repeat() ends that.
   repeat(user, floor_ns, draw): the same with requests that are drawn: draw() gives (request, head, body, id, operation, times). */
static PyObject *line_repeat(Line *self, PyObject *args) {
  PyObject *user = NULL, *ids = NULL, *head = NULL, *before = NULL, *after = NULL, *draw = NULL;
  long long floor_ns = 0;
  if (!PyArg_ParseTuple(args, "|OLOSSS", &user, &floor_ns, &ids, &head, &before, &after)) return NULL;
  if (ids != NULL && head == NULL) {
    draw = ids;
    ids = NULL;
  }
  if (user != NULL && draw == NULL && (after == NULL || !PyIter_Check(ids))) {
    PyErr_SetString(PyExc_TypeError, "repeat(user, floor_ns, ids, head, before, after) or repeat(user, floor_ns, draw)");
    return NULL;
  }
  self->repeats = user != NULL;
  self->halted = 0;
  self->floor_ns = floor_ns;
  Py_XINCREF(draw);
  Py_XSETREF(self->draw, draw);
  Py_CLEAR(self->request);
  Py_XINCREF(user), Py_XINCREF(ids), Py_XINCREF(head), Py_XINCREF(before), Py_XINCREF(after);
  Py_XSETREF(self->user_object, user);
  Py_XSETREF(self->ids, ids);
  Py_XSETREF(self->shot_head, head);
  Py_XSETREF(self->shot_before, before);
  Py_XSETREF(self->shot_after, after);
  Py_RETURN_NONE;
}

/* Whether its user still wants nothing but the same call again. An error is none of ours: Python will meet it, too. */
static int goes_on(Line *line) {
  if (line->halted || !gate(line->lane)) return 0;
  PyObject *turns = PyObject_GetAttr(line->lane->context, name_turns);
  PyObject *state = turns == Py_None ? PyObject_GetAttr(line->user_object, name_state) : NULL;
  int same = state != NULL && (state == name_running || PyObject_RichCompareBool(state, name_running, Py_EQ) == 1);
  Py_XDECREF(turns);
  Py_XDECREF(state);
  PyErr_Clear();
  return same;
}

/* Draw a request and send it; false: nothing was sent, and `request` is for Python to send, if it is there. */
static int send_drawn(Line *line) {
  char room[SEND_BYTES];
  PyObject *drawn = PyObject_CallNoArgs(line->draw), *request, *head, *body, *times;
  long long id;
  int operation;
  Py_CLEAR(line->request);
  if (drawn == NULL || !PyArg_ParseTuple(drawn, "OSSLiO!", &request, &head, &body, &id, &operation, &TimesType, &times)) {
    PyErr_WriteUnraisable(line->draw);
    Py_XDECREF(drawn);
    return 0;
  }
  Py_INCREF(request);
  line->request = request;
  const char *piece[1] = {PyBytes_AS_STRING(body)};
  const size_t piece_size[1] = {PyBytes_GET_SIZE(body)};
  size_t size = assemble(room, head, piece_size[0], piece, piece_size, 1);
  line->sent_ns = now_ns(CLOCK_MONOTONIC);
  int sends = size && is_quiet(line);
  if (sends) {
    number_call(line, line->known_ns - line->lane->epoch_ns);
    line->id = id;
    line->operation = operation;
    Py_INCREF(times);
    Py_XSETREF(line->times, (Times *)times);
    line->count++;
    line->floor_ns = 0;
    send_now(line, room, size);
  }
  Py_DECREF(drawn);
  return sends;
}

/* Send the same request again; false: nothing was sent. */
static int send_again(Line *line) {
  char room[SEND_BYTES], number_text[24];
  if (line->draw != NULL) return send_drawn(line);
  line->sent_ns = now_ns(CLOCK_MONOTONIC);
  if (!is_quiet(line)) return 0;
  PyObject *next = PyIter_Next(line->ids);
  long long id = next != NULL ? PyLong_AsLongLong(next) : -1;
  Py_XDECREF(next);
  if (id < 0) {
    PyErr_Clear();
    return 0;
  }
  const char *pieces[3] = {PyBytes_AS_STRING(line->shot_before), number_text, PyBytes_AS_STRING(line->shot_after)};
  const size_t sizes[3] = {PyBytes_GET_SIZE(line->shot_before), snprintf(number_text, sizeof number_text, "%lld", id), PyBytes_GET_SIZE(line->shot_after)};
  size_t size = assemble(room, line->shot_head, sizes[0] + sizes[1] + sizes[2], pieces, sizes, 3);
  if (!size) return 0;
  number_call(line, line->known_ns - line->lane->epoch_ns);
  line->id = id;
  line->count++;
  line->floor_ns = 0;
  send_now(line, room, size);
  return 1;
}

/* Whether the bytes are one whole response with a head that is known; then where its body begins. */
static Py_ssize_t known_head(Line *line, const char *data, Py_ssize_t size) {
  Py_ssize_t end;
  if (line->head != NULL) {
    end = PyBytes_GET_SIZE(line->head);
    if (size >= end && memcmp(data, PyBytes_AS_STRING(line->head), end) == 0) return line->body_bytes == STREAMED || size - end == line->body_bytes ? end : 0;
  }
  const char *blank_line = memmem(data, size < HEAD_BYTES ? size : HEAD_BYTES, "\r\n\r\n", 4);
  if (blank_line == NULL) return 0;
  end = blank_line + 4 - data;
  PyObject *head = PyBytes_FromStringAndSize(data, end);
  PyObject *known = head != NULL ? PyDict_GetItemWithError(line->lane->known, head) : NULL;
  if (known == NULL || known == Py_None) {
    Py_XDECREF(head);
    PyErr_Clear();
    return 0;
  }
  Py_INCREF(known);
  PyObject *bytes = PyObject_GetAttr(known, name_body_bytes), *session_id = PyObject_GetAttr(known, name_session_id);
  long long body_bytes = bytes != NULL ? PyLong_AsLongLong(bytes) : -1;
  Py_DECREF(known);
  Py_XDECREF(bytes);
  if (PyErr_Occurred() || session_id == NULL || (body_bytes != STREAMED && size - end != body_bytes)) {
    PyErr_Clear();
    Py_DECREF(head);
    Py_XDECREF(session_id);
    return 0;
  }
  line->body_bytes = body_bytes;
  Py_XSETREF(line->head, head);
  Py_XSETREF(line->session_id, session_id);
  return end;
}

/* Receive. 0: nothing was there, wait on. 1: the reply is ok, and done. 2: Python goes on. */
static int receive(Line *line) {
  char room[READ_BYTES];
  char notes[CMSG_SPACE(sizeof(struct timespec)) + 64];
  struct iovec into = {room, sizeof room};
  struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = notes, .msg_controllen = sizeof notes};
  ssize_t size = recvmsg(line->fd, &message, MSG_DONTWAIT);
  if (size < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
    line->error = errno;
    return 2;
  }
  int64_t wall_ns = now_ns(CLOCK_REALTIME);
  line->tells = 0;
  for (struct cmsghdr *note = CMSG_FIRSTHDR(&message); note != NULL; note = CMSG_NXTHDR(&message, note)) {
    if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SO_TIMESTAMPNS && note->cmsg_len == CMSG_LEN(sizeof(struct timespec))) {
      struct timespec stamp;
      memcpy(&stamp, CMSG_DATA(note), sizeof stamp);
      line->stamp_held_ns = wall_ns - (stamp.tv_sec * NS + stamp.tv_nsec);
      line->tells = 1;
      break;
    }
  }
  line->read_ns = now_ns(CLOCK_MONOTONIC);
  line->bytes_in = size;
  int64_t came_ns = line->read_ns - line->stamp_held_ns;
  line->first_byte_ns = line->tells && line->sent_ns <= came_ns && came_ns <= line->read_ns ? came_ns : line->read_ns;
  text result, result_end;
  Py_ssize_t body = size > 0 ? known_head(line, room, size) : 0;
  text json = (text)room + body, json_end = (text)room + size;
  if (body && line->body_bytes == STREAMED && !one_event(json, json_end, &json, &json_end)) body = 0;
  if (body && is_ok(json, json_end, line->id, &result, &result_end) && gate(line->lane)) {
    if (!line->repeats) {
      line->result = PyBytes_FromStringAndSize((const char *)result, result_end - result);
      if (line->result == NULL) PyErr_Clear();
    }
    if (line->repeats || line->result != NULL) {
      line->known_ns = now_ns(CLOCK_MONOTONIC);
      line->done_ns = line->tells ? line->first_byte_ns : line->known_ns;
      line->held_ns = line->tells ? line->known_ns - line->done_ns : NONE;
      line->misses = 0;
      line->ok = 1;
      return 1;
    }
  }
  line->chunk = PyBytes_FromStringAndSize(room, size);
  if (line->chunk == NULL) {
    PyErr_Clear();
    line->error = ENOMEM;
  }
  return 2;
}

static void sample(Line *line) {
  Lane *lane = line->lane;
  if (lane->skip > 0) {
    lane->skip--;
    return;
  }
  long long ready_ns = line->intended_ns + lane->epoch_ns;
  if (line->floor_ns > ready_ns) ready_ns = line->floor_ns;
  long long late_ns = line->sent_ns > ready_ns ? line->sent_ns - ready_ns : 0;
  PyObject *skip = PyObject_CallFunction(lane->sample, "LLL", line->done_ns, late_ns, line->held_ns);
  lane->skip = skip != NULL ? PyLong_AsLongLong(skip) : -1;
  if (PyErr_Occurred()) PyErr_WriteUnraisable(lane->sample);
  Py_XDECREF(skip);
}

/* One event of a line: true when its greenlet has to be told. */
static int handle(Line *line, uint32_t events) {
  if (!(events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))) {
    switch (receive(line)) {
      case 0: return 0;
      case 1:
        line->deadline_ns = 0;
        line->state = IDLE;
        if (line->lane->ledger != NULL) pack(line);
        if (times_add(line->times, (double)(line->done_ns - line->sent_ns) / 1e6, line->bytes_in) < 0) line->halted = 1;
        if (!line->repeats) return 1;
        Py_CLEAR(line->request);
        sample(line);
        return !goes_on(line) || !send_again(line) || line->unsent;
    }
  }
  line->misses++;
  line->state = HANDED;
  return 1;
}

/* turn(): receive for all lines that are ready, 32 at most, and no more than the block has room for; a list of those whose
   greenlets are to be told. A full block is written before they are. */
static PyObject *lane_turn(Lane *self, PyObject *Py_UNUSED(none)) {
  struct epoll_event events[EVENTS];
  int most = EVENTS;
  if (self->ledger != NULL && self->ledger->block_rows - self->ledger->rows < most) most = (int)(self->ledger->block_rows - self->ledger->rows);
  PyObject *told = PyList_New(0);
  if (told == NULL) return NULL;
  int count = most > 0 ? epoll_wait(self->epoll, events, most, 0) : 0;
  for (int i = 0; i < count; i++) {
    uint32_t index = (uint32_t)events[i].data.u64, generation = (uint32_t)(events[i].data.u64 >> 32);
    Line *line = index < self->size ? self->lines[index] : NULL;
    if (line == NULL || line->generation != generation || line->state != OPEN) continue;
    Py_INCREF(line);
    if (handle(line, events[i].events) && PyList_Append(told, (PyObject *)line) < 0) PyErr_WriteUnraisable((PyObject *)line);
    Py_DECREF(line);
  }
  return told;
}

/* join(fd, timeout_ns, owner, waiter) */
static PyObject *lane_join(Lane *self, PyObject *args) {
  int fd;
  long long timeout_ns;
  PyObject *owner, *waiter;
  if (!PyArg_ParseTuple(args, "iLOO", &fd, &timeout_ns, &owner, &waiter)) return NULL;
  uint32_t index = self->free_from;
  while (index < self->size && self->lines[index] != NULL) index++;
  if (index == self->size) {
    uint32_t size = self->size ? self->size * 2 : 16;
    Line **larger = PyMem_Realloc(self->lines, size * sizeof(Line *));
    if (larger == NULL) return PyErr_NoMemory();
    memset(larger + self->size, 0, (size - self->size) * sizeof(Line *));
    self->lines = larger;
    self->size = size;
  }
  Line *line = (Line *)LineType.tp_alloc(&LineType, 0);
  if (line == NULL) return NULL;
  line->fd = fd;
  line->timeout_ns = timeout_ns;
  Py_INCREF(self);
  line->lane = self;
  Py_INCREF(owner);
  line->owner = owner;
  Py_INCREF(waiter);
  line->waiter = waiter;
  if (++self->generation == 0) self->generation = 1;
  struct epoll_event wanted = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u64 = (uint64_t)self->generation << 32 | index};
  if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &wanted) < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    Py_DECREF(line);
    return NULL;
  }
  line->index = index;
  line->generation = self->generation;
  self->lines[index] = line;
  self->free_from = index + 1;
  return (PyObject *)line;
}

/* Lines whose deadline has passed; each is listed once for a call. */
static PyObject *lane_overdue(Lane *self, PyObject *arg) {
  long long at_ns = PyLong_AsLongLong(arg);
  if (at_ns == -1 && PyErr_Occurred()) return NULL;
  PyObject *late = PyList_New(0);
  for (uint32_t i = 0; late != NULL && i < self->size; i++) {
    Line *line = self->lines[i];
    if (line == NULL || line->state != OPEN || !line->deadline_ns || line->deadline_ns >= at_ns) continue;
    line->deadline_ns = 0;
    if (PyList_Append(late, (PyObject *)line) < 0) Py_CLEAR(late);
  }
  return late;
}

/* (open calls, the oldest intended start or None) */
static PyObject *lane_open_calls(Lane *self, PyObject *Py_UNUSED(none)) {
  long long count = 0, oldest_ns = 0;
  for (uint32_t i = 0; i < self->size; i++) {
    Line *line = self->lines[i];
    if (line == NULL || line->state == IDLE) continue;
    if (!count++ || line->intended_ns < oldest_ns) oldest_ns = line->intended_ns;
  }
  return count ? Py_BuildValue("LL", count, oldest_ns) : Py_BuildValue("LO", count, Py_None);
}

static PyObject *lane_halt(Lane *self, PyObject *Py_UNUSED(none)) {
  for (uint32_t i = 0; i < self->size; i++)
    if (self->lines[i] != NULL) self->lines[i]->halted = 1;
  Py_RETURN_NONE;
}

static PyObject *lane_fileno(Lane *self, PyObject *Py_UNUSED(none)) { return PyLong_FromLong(self->epoll); }

static int lane_init(Lane *self, PyObject *args, PyObject *kwargs) {
  static char *names[] = {"ledger", "known", "handlers", "sample", "context", "epoch_ns", "ok_code", "detail_code", NULL};
  PyObject *ledger, *known, *handlers, *sampler, *context;
  if (self->known != NULL) {
    PyErr_SetString(PyExc_RuntimeError, "it has been made already");
    return -1;
  }
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO!O!OOLii", names, &ledger, &PyDict_Type, &known, &PyList_Type, &handlers, &sampler, &context, &self->epoch_ns, &self->ok_code, &self->detail_code)) return -1;
  if (ledger != Py_None && !PyObject_TypeCheck(ledger, &LedgerType)) {
    PyErr_SetString(PyExc_TypeError, "no ledger");
    return -1;
  }
  Py_INCREF(known), Py_INCREF(handlers), Py_INCREF(sampler), Py_INCREF(context);
  self->known = known;
  self->handlers = handlers;
  self->listeners = PyList_GET_SIZE(handlers);
  self->sample = sampler;
  self->context = context;
  if (ledger != Py_None) {
    Py_INCREF(ledger);
    self->ledger = (Ledger *)ledger;
  }
  self->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (self->epoll < 0) {
    PyErr_SetFromErrno(PyExc_OSError);
    return -1;
  }
  return 0;
}

static PyObject *lane_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  Lane *self = (Lane *)PyType_GenericNew(type, args, kwargs);
  if (self != NULL) self->epoll = -1;
  return (PyObject *)self;
}

static int lane_traverse(Lane *self, visitproc visit, void *arg) {
  Py_VISIT(self->ledger);
  Py_VISIT(self->known);
  Py_VISIT(self->handlers);
  Py_VISIT(self->sample);
  Py_VISIT(self->context);
  return 0;
}

static int lane_clear(Lane *self) { /* lines hold the lane: what they need of it stays until they are gone */
  Py_CLEAR(self->context);
  Py_CLEAR(self->sample);
  return 0;
}

static void lane_dealloc(Lane *self) {
  PyObject_GC_UnTrack(self);
  lane_clear(self);
  Py_CLEAR(self->ledger);
  Py_CLEAR(self->known);
  Py_CLEAR(self->handlers);
  PyMem_Free(self->lines);
  if (self->epoll >= 0) close(self->epoll);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef lane_methods[] = {
    {"turn", (PyCFunction)lane_turn, METH_NOARGS, "Receive for all that are ready."},
    {"join", (PyCFunction)lane_join, METH_VARARGS, "A line for a connected socket."},
    {"overdue", (PyCFunction)lane_overdue, METH_O, "Lines whose deadline has passed."},
    {"open_calls", (PyCFunction)lane_open_calls, METH_NOARGS, "How many calls are open, and the oldest intended start."},
    {"halt", (PyCFunction)lane_halt, METH_NOARGS, "Send nothing again."},
    {"fileno", (PyCFunction)lane_fileno, METH_NOARGS, "The epoll descriptor."},
    {NULL}};
static PyMemberDef lane_members[] = {{"listeners", T_PYSSIZET, offsetof(Lane, listeners), 0, "of Locust's event"}, {NULL}};

static PyTypeObject LaneType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "harness.load.inside.native.wire.Lane",
    .tp_basicsize = sizeof(Lane),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = lane_new,
    .tp_init = (initproc)lane_init,
    .tp_traverse = (traverseproc)lane_traverse,
    .tp_clear = (inquiry)lane_clear,
    .tp_dealloc = (destructor)lane_dealloc,
    .tp_methods = lane_methods,
    .tp_members = lane_members,
};

/* take(): the call that Python goes on with: (seq, intended_ns, sent_ns, bytes that went out, chunk or None, read_ns,
   held_ns or None, errno); None when there is none. The line is idle then. */
static PyObject *line_take(Line *self, PyObject *Py_UNUSED(none)) {
  if (self->state == IDLE) Py_RETURN_NONE;
  self->state = IDLE;
  self->deadline_ns = 0;
  PyObject *chunk = self->chunk != NULL ? self->chunk : Py_None;
  PyObject *held = self->tells ? PyLong_FromLongLong(self->stamp_held_ns) : (Py_INCREF(Py_None), Py_None);
  if (held == NULL) return NULL;
  PyObject *taken = Py_BuildValue("LLLLOLNi", self->seq, self->intended_ns, self->sent_ns, self->went_out, chunk, self->read_ns, held, self->error);
  if (taken != NULL) Py_CLEAR(self->chunk);
  return taken;
}

static PyObject *line_halt(Line *self, PyObject *Py_UNUSED(none)) {
  self->halted = 1;
  Py_RETURN_NONE;
}

static int line_clear(Line *self) {
  Py_CLEAR(self->owner);
  Py_CLEAR(self->waiter);
  Py_CLEAR(self->times);
  Py_CLEAR(self->chunk);
  Py_CLEAR(self->result);
  Py_CLEAR(self->head);
  Py_CLEAR(self->session_id);
  Py_CLEAR(self->user_object);
  Py_CLEAR(self->ids);
  Py_CLEAR(self->shot_head);
  Py_CLEAR(self->shot_before);
  Py_CLEAR(self->shot_after);
  Py_CLEAR(self->draw);
  Py_CLEAR(self->request);
  return 0;
}

/* leave(): before its socket is closed. */
static PyObject *line_leave_lane(Line *self, PyObject *Py_UNUSED(none)) {
  line_leave(self, 1);
  Py_RETURN_NONE;
}

static int line_traverse(Line *self, visitproc visit, void *arg) {
  Py_VISIT(self->lane);
  Py_VISIT(self->owner);
  Py_VISIT(self->waiter);
  Py_VISIT(self->times);
  Py_VISIT(self->session_id);
  Py_VISIT(self->user_object);
  Py_VISIT(self->ids);
  Py_VISIT(self->draw);
  Py_VISIT(self->request);
  return 0;
}

static int line_gc_clear(Line *self) {
  line_leave(self, 0);
  return line_clear(self);
}

static void line_dealloc(Line *self) {
  PyObject_GC_UnTrack(self);
  line_gc_clear(self);
  Py_CLEAR(self->lane);
  Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef line_methods[] = {
    {"begin", (PyCFunction)(void (*)(void))line_begin, METH_FASTCALL, "Send a request."},
    {"repeat", (PyCFunction)line_repeat, METH_VARARGS, "Send it again, and again."},
    {"take", (PyCFunction)line_take, METH_NOARGS, "The call that Python goes on with."},
    {"halt", (PyCFunction)line_halt, METH_NOARGS, "Send nothing again."},
    {"leave", (PyCFunction)line_leave_lane, METH_NOARGS, "Leave the lane."},
    {NULL}};

static PyMemberDef line_members[] = {
    {"ok", T_INT, offsetof(Line, ok), READONLY, "whether the reply was ok: it has its row"},
    {"misses", T_INT, offsetof(Line, misses), READONLY, "replies in a row that Python had to decide"},
    {"count", T_LONGLONG, offsetof(Line, count), READONLY, "calls that were sent again"},
    {"id", T_LONGLONG, offsetof(Line, id), READONLY, "of the current call"},
    {"sent_ns", T_LONGLONG, offsetof(Line, sent_ns), READONLY, ""},
    {"first_byte_ns", T_LONGLONG, offsetof(Line, first_byte_ns), READONLY, ""},
    {"done_ns", T_LONGLONG, offsetof(Line, done_ns), READONLY, ""},
    {"known_ns", T_LONGLONG, offsetof(Line, known_ns), READONLY, ""},
    {"held_ns", T_LONGLONG, offsetof(Line, held_ns), READONLY, ""},
    {"bytes_out", T_LONGLONG, offsetof(Line, bytes_out), READONLY, ""},
    {"bytes_in", T_LONGLONG, offsetof(Line, bytes_in), READONLY, ""},
    {"result", T_OBJECT, offsetof(Line, result), READONLY, "the bytes of the result, of a call that was ok"},
    {"session_id", T_OBJECT, offsetof(Line, session_id), READONLY, "that the head names"},
    {"request", T_OBJECT, offsetof(Line, request), READONLY, "that was drawn for the current call"},
    {"owner", T_OBJECT, offsetof(Line, owner), READONLY, "its connection"},
    {"waiter", T_OBJECT, offsetof(Line, waiter), READONLY, "what its greenlet waits on"},
    {NULL}};

static PyTypeObject LineType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "harness.load.inside.native.wire.Line",
    .tp_basicsize = sizeof(Line),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_traverse = (traverseproc)line_traverse,
    .tp_clear = (inquiry)line_gc_clear,
    .tp_dealloc = (destructor)line_dealloc,
    .tp_methods = line_methods,
    .tp_members = line_members,
};

/* ok_result(body, id): the bytes of the result of a body that is ok beyond doubt, else None; for tests. */
static PyObject *ok_result(PyObject *Py_UNUSED(module), PyObject *args) {
  const char *body;
  Py_ssize_t size;
  long long id;
  text result, result_end;
  if (!PyArg_ParseTuple(args, "y#L", &body, &size, &id)) return NULL;
  if (!is_ok((text)body, (text)body + size, id, &result, &result_end)) Py_RETURN_NONE;
  return PyBytes_FromStringAndSize((const char *)result, result_end - result);
}

static PyMethodDef functions[] = {{"ok_result", ok_result, METH_VARARGS, "The result of a body that is ok beyond doubt."}, {NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_wire", .m_doc = "See wire.c.", .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__wire(void) {
  name_state = PyUnicode_InternFromString("_state");
  name_turns = PyUnicode_InternFromString("turns");
  name_running = PyUnicode_InternFromString("running");
  name_body_bytes = PyUnicode_InternFromString("body_bytes");
  name_session_id = PyUnicode_InternFromString("session_id");
  if (!name_state || !name_turns || !name_running || !name_body_bytes || !name_session_id) return NULL;
  PyTypeObject *types[] = {&LedgerType, &TimesType, &LaneType, &LineType};
  PyObject *made = PyModule_Create(&module);
  if (made == NULL) return NULL;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    const char *name = strrchr(types[i]->tp_name, '.') + 1;
    if (PyType_Ready(types[i]) < 0 || PyModule_AddObjectRef(made, name, (PyObject *)types[i]) < 0) return NULL;
  }
  if (PyModule_AddStringConstant(made, "SOURCE_HASH", SOURCE_HASH) < 0) return NULL;
  return made;
}
