// Thousands of panels in one process, cheap enough not to be what is measured; panels.py builds and asks it.
//
// usage: panels FIRST COUNT PORT        e.g. panels 127.150.0.0 5000 8090: listens on 127.150.0.0 to 127.150.19.135
//
// Serves /live/index.m3u8 with a playlist that moves and segments of MPEG-TS, and `ok` for every other path. A connection without a
// request is a tcp check if it ends within half a second, and a watch otherwise. Each line on stdin is answered with one line of JSON:
//   reset             counts begin anew
//   report            what was counted since
//   kill FROM COUNT   those panels close their listeners and reset their connections
//   heal FROM COUNT   they listen again
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 2048, EVENTS = 512, KNOCK_US = 500000, GAPS = 40000 };

typedef struct Panel Panel;
typedef struct Line Line;

struct Panel {
    int is_line, fd;
    int asking;                      // connections with a request that are open
    int64_t last_us, ended_us;       // the last check's begin, and the last end of one
    int64_t longest_us, checks;
    Line *lines;
};

struct Line {
    int is_line, fd;
    Panel *panel;
    int64_t begun_us;
    int asked;
    Line *next, *before, *free_next;
    char buffer[BUFFER];
};

static Panel *panels;
static int count, port, queue;
static uint32_t first;
static int64_t began_us, accepted, requests, checks, overlaps, most_open, open_lines;
static int64_t gaps[GAPS];           // by milliseconds
static Line *spare, *gone;

static int64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void begins(Panel *panel, int64_t at_us) {
    checks++, panel->checks++;
    if (at_us < panel->ended_us) overlaps++;
    int64_t gap_us = at_us - (panel->last_us > began_us ? panel->last_us : began_us);
    if (panel->last_us > began_us) gaps[gap_us / 1000 < GAPS ? gap_us / 1000 : GAPS - 1]++;
    if (gap_us > panel->longest_us) panel->longest_us = gap_us;
    panel->last_us = at_us;
}

static void end(Line *line, int hard) {
    Panel *panel = line->panel;
    int64_t now = now_us();
    if (line->asked) {
        panel->asking--, panel->ended_us = now;
    } else if (!hard && now - line->begun_us < KNOCK_US) {
        begins(panel, line->begun_us);
        panel->ended_us = now;
    }
    if (hard) {
        struct linger none = {1, 0};
        setsockopt(line->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    close(line->fd);
    open_lines--;
    if (line->next) line->next->before = line->before;
    if (line->before) line->before->next = line->next;
    else panel->lines = line->next;
    // Events of this round may still name it.
    line->fd = -1, line->free_next = gone, gone = line;
}

static void listens(Panel *panel) {
    int one = 1;
    panel->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (panel->fd < 0) die("socket");
    setsockopt(panel->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(first + (uint32_t)(panel - panels))};
    if (bind(panel->fd, (struct sockaddr *)&at, sizeof at) || listen(panel->fd, 64)) die("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = panel};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, panel->fd, &event)) die("epoll_ctl");
}

static void welcome(Panel *panel) {
    for (int fd; panel->fd >= 0 && (fd = accept4(panel->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        Line *line = spare;
        if (line) spare = line->free_next;
        else if (!(line = malloc(sizeof *line))) die("malloc");
        *line = (Line){.is_line = 1, .fd = fd, .panel = panel, .begun_us = now_us(), .next = panel->lines};
        if (line->next) line->next->before = line;
        panel->lines = line;
        accepted++;
        if (++open_lines > most_open) most_open = open_lines;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = line};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
    }
}

static int page(char *out, size_t room, const char *path) {
    static char segment[188 * 60];
    char body[512];
    const char *kind = "text/plain";
    long live = now_us() / 2000000;
    size_t path_length = strcspn(path, " ?");
    int length;
    if (path_length == 16 && !memcmp(path, "/live/index.m3u8", 16)) {
        kind = "application/vnd.apple.mpegurl";
        length = snprintf(body, sizeof body, "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\nv.m3u8\n");
    } else if (path_length == 12 && !memcmp(path, "/live/v.m3u8", 12)) {
        kind = "application/vnd.apple.mpegurl";
        length = snprintf(body, sizeof body, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%ld\n"
                          "#EXTINF:2.0,\n%ld.ts\n#EXTINF:2.0,\n%ld.ts\n#EXTINF:2.0,\n%ld.ts\n", live, live, live + 1, live + 2);
    } else if (path_length > 3 && !memcmp(path + path_length - 3, ".ts", 3)) {
        for (size_t at = 0; at < sizeof segment; at += 188) segment[at] = 0x47;
        int head = snprintf(out, room, "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: %zu\r\n\r\n", sizeof segment);
        memcpy(out + head, segment, sizeof segment);
        return head + (int)sizeof segment;
    } else {
        length = snprintf(body, sizeof body, "ok\n");
    }
    return snprintf(out, room, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", kind, length, body);
}

static void hear(Line *line) {
    static char out[16384];
    for (;;) {
        ssize_t got = read(line->fd, line->buffer, BUFFER - 1);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return end(line, 0);
        line->buffer[got] = 0;
        // Requests without a body fit into one packet.
        if (memcmp(line->buffer, "GET ", 4) || !strstr(line->buffer, "\r\n\r\n")) return end(line, 0);
        if (!line->asked) {
            if (line->panel->asking > 0) overlaps++;
            begins(line->panel, line->begun_us);
            line->asked = 1, line->panel->asking++;
        }
        requests++;
        int length = page(out, sizeof out, line->buffer + 4);
        if (write(line->fd, out, length) != length) return end(line, 0);
        if (strcasestr(line->buffer, "connection: close")) return end(line, 0);
    }
}

static void report(void) {
    int64_t now = now_us(), total = 0, seen = 0, longest = 0, least = INT64_MAX, half = 0, nearly = 0;
    for (int n = 0; n < GAPS; n++) total += gaps[n];
    for (int n = 0; n < GAPS; n++) {
        if (!gaps[n]) continue;
        seen += gaps[n];
        if (!half && seen * 2 >= total) half = n;
        if (!nearly && seen * 1000 >= total * 999) nearly = n;
    }
    int held = 0;
    for (int n = 0; n < count; n++) {
        Panel *panel = &panels[n];
        // Who is not looked at any more has the longest gap of all.
        int64_t since = now - (panel->last_us > began_us ? panel->last_us : began_us);
        int64_t gap = since > panel->longest_us ? since : panel->longest_us;
        if (gap > longest) longest = gap;
        if (panel->checks < least) least = panel->checks;
        for (Line *line = panel->lines; line; line = line->next) held += !line->asked && now - line->begun_us >= KNOCK_US;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"seconds\":%.3f,\"accepted\":%ld,\"requests\":%ld,\"checks\":%ld,\"overlaps\":%ld,\"watches\":%d,\"open\":%ld,\"most_open\":%ld,"
           "\"gap_ms\":{\"p50\":%ld,\"p999\":%ld,\"max\":%ld},\"least_checks\":%ld,\"cpu\":%.3f}\n",
           (now - began_us) / 1e6, accepted, requests, checks, overlaps, held, open_lines, most_open, half, nearly, longest / 1000, least, cpu);
}

static void reset(void) {
    accepted = requests = checks = overlaps = 0, most_open = open_lines;
    memset(gaps, 0, sizeof gaps);
    began_us = now_us();
    for (int n = 0; n < count; n++) panels[n].longest_us = panels[n].checks = 0;
}

static int obey(char *text) {
    int from, many;
    if (!strncmp(text, "report", 6)) {
        report();
    } else if (!strncmp(text, "reset", 5)) {
        reset();
        puts("{}");
    } else if (sscanf(text, "kill %d %d", &from, &many) == 2 && from >= 0 && from + many <= count) {
        for (int n = from; n < from + many; n++) {
            if (panels[n].fd >= 0) close(panels[n].fd);
            panels[n].fd = -1;
            while (panels[n].lines) end(panels[n].lines, 1);
        }
        puts("{}");
    } else if (sscanf(text, "heal %d %d", &from, &many) == 2 && from >= 0 && from + many <= count) {
        for (int n = from; n < from + many; n++)
            if (panels[n].fd < 0) listens(&panels[n]);
        puts("{}");
    } else {
        puts("{\"error\":\"reset, report, kill FROM COUNT or heal FROM COUNT\"}");
    }
    return fflush(stdout);
}

int main(int argc, char **argv) {
    struct in_addr at;
    if (argc != 4 || !inet_aton(argv[1], &at) || (count = atoi(argv[2])) <= 0 || (port = atoi(argv[3])) <= 0) {
        fprintf(stderr, "usage: panels FIRST COUNT PORT\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    first = ntohl(at.s_addr);
    queue = epoll_create1(EPOLL_CLOEXEC);
    panels = calloc(count, sizeof *panels);
    for (int n = 0; n < count; n++) listens(&panels[n]);
    struct epoll_event told = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, 0, &told)) die("epoll_ctl");
    reset();
    puts("{}");
    fflush(stdout);
    static char text[4096];
    for (;;) {
        struct epoll_event events[EVENTS];
        int many = epoll_wait(queue, events, EVENTS, -1);
        for (int n = 0; n < many; n++) {
            Panel *panel = events[n].data.ptr;
            if (!panel) {
                ssize_t got = read(0, text, sizeof text - 1);
                if (got <= 0) return 0;
                text[got] = 0;
                obey(text);
            } else if (!panel->is_line) {
                welcome(panel);
            } else if (((Line *)panel)->fd >= 0) {
                hear((Line *)panel);
            }
        }
        while (gone) {
            Line *line = gone;
            gone = line->free_next, line->free_next = spare, spare = line;
        }
    }
}
