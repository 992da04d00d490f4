/* The C of languages.py, as languages.js is the JavaScript: languages BUNDLE TOKENS. Its samples are adr-generate's. */
#include "adr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double milliseconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Tells how long the first sound of a stream takes, and each of so many tokens after it. */
static void speak(Model *model, const char *seed, size_t tokens, double *first, double *each) {
    cJSON *arguments = cJSON_CreateObject();
    cJSON_AddStringToObject(arguments, "label", "seven");
    cJSON_AddStringToObject(arguments, "seed", seed);
    float *token = allocate(model->channels, sizeof *token);
    const double begun = milliseconds();
    const Settings settings = resolve(model, arguments);
    start(model, &settings);
    for (size_t i = 0; i <= tokens; i++) {
        next_tokens(model, token, 1);
        decode(model, token, 1);
        if (!i)
            *first = milliseconds() - begun;
    }
    *each = (milliseconds() - begun - *first) / (double)tokens;
    free(token);
    cJSON_Delete(arguments);
}

int main(int count, char **words) {
    static Model model;
    char line[16];
    double first = 0, each = 0;
    if (count != 3)
        fail("give a bundle's folder and a number of tokens");
    puts("{}");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "load\n")) {
            open_model(&model, words[1]);
        } else {
            /* The first one warms up. */
            speak(&model, "1", strtoul(words[2], NULL, 10), &first, &each);
            speak(&model, "2", strtoul(words[2], NULL, 10), &first, &each);
        }
        printf("{\"first\": %f, \"each\": %f}\n", first, each);
        fflush(stdout);
    }
    close_model(&model);
}
