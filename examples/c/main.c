/* adr-generate: says a word into a WAV file, or draws a picture into a PPM or PGM file, with an ADR bundle. */
#include "adr.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "adr-generate BUNDLE --out FILE [--label NAME] [--speaker NAME] [--seed NUMBER] [--seconds SECONDS]\n"
    "             [--steps NUMBER] [--sampler ddpm|ddim|dpm++] [--guidance NUMBER] [--temperature NUMBER]\n"
    "adr-generate BUNDLE --self-test\n"
    "Of pictures, steps, guidance and temperature may have a number for each of several equal parts, as 12:8:6.\n"
    "Sound becomes a WAV file of 32-bit floats, a picture a PPM or PGM file. Without --seconds a clip goes on until\n"
    "the model says that it is over. For example: adr-generate speech-digits --label seven --seed 1 --out seven.wav\n";
static const char *const OPTIONS[] = {"out",     "label", "speaker",  "seed",       "seconds",
                                      "sampler", "steps", "guidance", "temperature"};
enum { FIRST_IN_PARTS = 6 };
/* Tokens that are decoded at a time where a length was asked for; samples that a WAV file can hold. */
enum { CHUNK = 64, WAV_HEADER = 56, MAX_SAMPLES = (UINT32_MAX - WAV_HEADER) / 4 };

/* A file has this name until it is whole. */
static char partial[4096];

static void remove_partial(void) {
    if (*partial)
        remove(partial);
}

static uint32_t tag(const char *four) {
    uint32_t word;
    memcpy(&word, four, 4);
    return word;
}

/* The header of a WAV file of 32-bit floats; this and the samples are written as little-endian processors have them. */
static void write_header(FILE *file, uint32_t rate, uint32_t samples) {
    const uint32_t bytes = 4 * samples;
    const uint32_t words[] = {tag("RIFF"), WAV_HEADER - 8 + bytes, tag("WAVE"), tag("fmt "), 16, 1 << 16 | 3, rate,
                              4 * rate, 32 << 16 | 4, tag("fact"), 4, samples, tag("data"), bytes};
    _Static_assert(sizeof words == WAV_HEADER, "a header of this length");
    fwrite(words, sizeof words, 1, file);
}

/* So many samples, made in chunks, in memory that does not grow. */
static void write_stream(Model *model, FILE *file, size_t limit) {
    float *tokens = allocate(CHUNK * model->channels, sizeof *tokens);
    size_t skip = model->delay, written = 0;
    while (written < limit && !ferror(file)) {
        size_t count = (limit - written + skip + model->hop - 1) / model->hop;
        count = count < CHUNK ? count : CHUNK;
        next_tokens(model, tokens, count);
        const float *samples = decode(model, tokens, count);
        size_t made = count * model->hop, from = skip < made ? skip : made;
        size_t more = made - from < limit - written ? made - from : limit - written;
        written += fwrite(samples + from, sizeof *samples, more, file);
        skip -= from;
    }
    free(tokens);
}

/* A clip that the model ends: it is decoded as a whole, and the last token's worth of it fades. Gives its samples. */
static size_t write_clip(Model *model, FILE *file, size_t longest) {
    float *tokens = allocate(longest * model->channels, sizeof *tokens);
    size_t made = 0, end = longest;
    while (made < longest && made < end + 1) {
        next_tokens(model, tokens + made++ * model->channels, 1);
        if (model->finished && made < end)
            end = made;
    }
    const size_t all = made * model->hop, late = model->delay < all ? model->delay : all;
    const size_t length = end * model->hop < all - late ? end * model->hop : all - late;
    const size_t begin = length > model->hop ? length - model->hop : 0;
    float *samples = decode(model, tokens, made) + late;
    for (size_t i = begin; i < length; i++)
        samples[i] *= (float)(1 - (double)(i - begin) / fmax((double)(length - begin) - 1, 1));
    fwrite(samples, sizeof *samples, length, file);
    free(tokens);
    return length;
}

static size_t write_sound(Model *model, const cJSON *arguments, FILE *file) {
    const double rate = number(model->manifest, "audio.sample_rate", 1, 768000);
    const cJSON *from = field(arguments, "seconds") ? arguments : field(model->manifest, "defaults");
    const double seconds = number(from, "seconds", 0, MAX_SAMPLES / rate);
    size_t samples = (size_t)fmax(rint(seconds * rate), 1);
    write_header(file, (uint32_t)rate, 0);
    if (from != arguments && find(model->step.output, model->step.outputs, "end") >= 0)
        samples = write_clip(model, file, (size_t)fmax(rint(seconds * rate / (double)model->hop), 1));
    else
        write_stream(model, file, samples);
    rewind(file);
    write_header(file, (uint32_t)rate, (uint32_t)samples);
    return samples;
}

static size_t write_picture(Model *model, const cJSON *arguments, FILE *file) {
    const size_t height = whole(model->manifest, "image.height", 1, 1 << 14);
    const size_t width = whole(model->manifest, "image.width", 1, 1 << 14);
    if (field(arguments, "seconds") || model->pixels == 2 * height * width)
        fail("%s makes pictures%s", text(model->manifest, "name"),
             field(arguments, "seconds") ? ", and seconds are for sound" : " of 2 channels, which PPM has not");
    float *tokens = allocate(model->length * model->channels, sizeof *tokens);
    next_tokens(model, tokens, model->length);
    const float *pixels = decode(model, tokens, model->length);
    fprintf(file, "P%d\n%zu %zu\n255\n", model->pixels == height * width ? 5 : 6, width, height);
    for (size_t i = 0; i < model->pixels; i++)
        fputc(to_byte(pixels[i]), file);
    free(tokens);
    return height * width;
}

/* Writes beside the file, which gets its name when it is whole. */
static void generate(Model *model, const cJSON *arguments) {
    const char *path = text(arguments, "out");
    Settings settings = resolve(model, arguments);
    char name[sizeof partial];
    if (snprintf(name, sizeof name, "%s.part", path) >= (int)sizeof name)
        fail("%.80s...: too long a path", path);
    FILE *file = fopen(name, "wb");
    if (!file)
        fail("%s: %s", name, strerror(errno));
    memcpy(partial, name, sizeof partial);
    start(model, &settings);
    size_t made = (model->sound ? write_sound : write_picture)(model, arguments, file);
    bool failed = ferror(file);
    if (fclose(file) || failed || rename(partial, path))
        fail("%s: cannot be written: %s", path, strerror(errno));
    *partial = 0;
    printf("%s: %zu %s, seed %" PRIu64 "\n", path, made, model->sound ? "samples" : "pixels", settings.seed);
}

/* Numbers with colons between them, as an array of texts. */
static cJSON *split(char *text) {
    cJSON *parts = cJSON_CreateArray();
    for (bool more = true; more;) {
        char *end = text + strcspn(text, ":");
        more = *end;
        *end = 0;
        cJSON_AddItemToArray(parts, cJSON_CreateString(text));
        text = end + 1;
    }
    return parts;
}

int main(int count, char **words) {
    static Model model;
    const size_t options = sizeof OPTIONS / sizeof *OPTIONS;
    const bool testing = count == 3 && !strcmp(words[2], "--self-test");
    if (count == 2 && !strcmp(words[1], "--help"))
        return fputs(USAGE, stdout) < 0;
    if (count < 3)
        fail("give a bundle's folder, and --out FILE or --self-test; --help says more");
    cJSON *arguments = cJSON_CreateObject();
    for (int i = 2; i < count && !testing; i += 2) {
        int option = strncmp(words[i], "--", 2) ? -1 : find(OPTIONS, options, words[i] + 2);
        if (option < 0 || i + 1 == count)
            fail(option < 0 ? "unknown option %s; --help names them" : "%s needs a value", words[i]);
        cJSON_DeleteItemFromObjectCaseSensitive(arguments, OPTIONS[option]);
        if (option < FIRST_IN_PARTS)
            cJSON_AddStringToObject(arguments, OPTIONS[option], words[i + 1]);
        else
            cJSON_AddItemToObject(arguments, OPTIONS[option], split(words[i + 1]));
    }
    if (!testing && !field(arguments, "out"))
        fail("give --out FILE, or --self-test alone");
    atexit(remove_partial);
    open_model(&model, words[1]);
    int status = 0;
    if (testing)
        status = self_test(&model, words[1]);
    else
        generate(&model, arguments);
    close_model(&model);
    cJSON_Delete(arguments);
    return status;
}
