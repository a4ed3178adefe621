/* program.h - runs another program in a test, without a shell; its output goes nowhere */
#ifndef SLICEPRESS_TESTS_PROGRAM_H
#define SLICEPRESS_TESTS_PROGRAM_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The exit status; 127 if there is no such program, -1 if it died. `arguments` end with NULL. */
static inline int program_run(const char *const *arguments)
{
    int status = 0;
    const pid_t child = fork();

    if (child == 0) {
        char *list[16] = {NULL};
        const int nowhere = open("/dev/null", O_RDWR);

        for (size_t i = 0; i < 15 && arguments[i] != NULL; i++)
            list[i] = strdup(arguments[i]);
        (void)dup2(nowhere, STDOUT_FILENO);
        (void)dup2(nowhere, STDERR_FILENO);
        (void)execvp(list[0], list);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

#endif
