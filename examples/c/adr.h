/* Sound and pictures from a causal ADR bundle, token by token, with ONNX Runtime: see docs/bundle-format.md. */
#ifndef ADR_H
#define ADR_H

#include <cjson/cJSON.h>
#include <onnxruntime_c_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { COLUMNS = 7, NOISE_COLUMN = 5, MAX_TENSORS = 512, MAX_PARTS = 256 };

/* One number, or one for each of several equal parts of a picture's tokens. */
typedef struct {
    size_t count;
    double values[MAX_PARTS];
} Parts;

/* What may be chosen of a generation. Label and speaker are indices; that of none is the number of them. */
typedef struct {
    size_t label, speaker;
    const char *sampler;
    Parts steps, guidance, temperature;
    uint64_t seed;
} Settings;

/* What denoises one token. */
typedef struct {
    size_t steps;
    double guidance, temperature;
} Denoising;

/* A graph, the values that it takes next, and those that it gave last, in the order of the manifest. */
typedef struct {
    const cJSON *spec;
    OrtSession *session;
    size_t inputs, outputs;
    const char *input[MAX_TENSORS], *output[MAX_TENSORS];
    OrtValue *taken[MAX_TENSORS], *given[MAX_TENSORS];
} Graph;

/* An opened bundle, and the generation that it is at, whose last token and states lie in the inputs of the graphs. */
typedef struct {
    OrtEnv *environment;
    cJSON *manifest;
    char hash[65]; /* SHA-256 of manifest.json */
    bool sound;
    size_t channels;       /* of a token */
    size_t hop, delay;     /* of sound, in samples; 0 for pictures */
    size_t length, pixels; /* tokens and values of a picture; 0 for sound */
    Graph step, timestep, head, decode;
    Settings settings;
    Denoising denoising; /* of the next token, or of the last one */
    size_t guides;       /* rows of the backbone: 2 with guidance */
    bool noisy;          /* whether the sampler adds noise in its steps */
    bool finished;       /* whether the clip was over before the last token */
    uint32_t position;   /* tokens so far */
} Model;

/* bundle.c */

extern const OrtApi *ort;

/* Ends the program with status 2 and one line on standard error. */
_Noreturn void fail(const char *format, ...);

/* Ends the program where ONNX Runtime failed at `what`. */
void check(OrtStatus *status, const char *what);

/* Zeroed memory, or the end of the program. */
void *allocate(size_t count, size_t bytes);

/* A JSON file of up to `limit` bytes, and its SHA-256. */
cJSON *read_json(const char *folder, const char *file, size_t limit, char hash[65]);

/* A value by its path, as "audio.hop", or NULL. */
const cJSON *field(const cJSON *object, const char *path);

/* The same as what it must be, or the end of the program; numbers may be spelled as texts. */
const char *text(const cJSON *object, const char *path);
double number_of(const cJSON *item, const char *name, double low, double high);
double number(const cJSON *object, const char *path, double low, double high);
size_t whole(const cJSON *object, const char *path, double low, double high);

/* Opens a folder: each graph is verified before ONNX Runtime sees it. */
void open_model(Model *model, const char *folder);
void close_model(Model *model);

/* graph.c */

/* The index of a name, or -1. */
int find(const char *const *names, size_t count, const char *name);

/* The memory of an input, or of an output of the last run; ends the program unless it has `count` values. */
float *floats(const Graph *graph, const char *name, size_t count);
int64_t *integers(const Graph *graph, const char *name, size_t count);

/* Copies an output of one graph's last run into the input of another that has its name. */
void hand_over(const Graph *from, const Graph *to, const char *name);

/* Makes an input anew, all 0; `length` is that of tokens. */
void make(const Model *model, Graph *graph, const char *name, size_t length);

/* Makes all inputs, states ("backbone", "decode", or "" for none) with their initial values. */
void prepare(const Model *model, Graph *graph, const char *states);

/* Runs a graph; its states are then what the next run takes. */
void run(const Model *model, Graph *graph, const char *states);

/* sampling.c */

/* The noise of one step of a token (0 is the initial noise): `channels` standard normal values. */
void noise(uint64_t seed, uint32_t row, uint32_t token, uint32_t step, size_t channels, float *values);

/* The timesteps (steps), the noisiest first, and the table of coefficients (steps, COLUMNS). */
void sampler_table(const cJSON *manifest, const char *sampler, Denoising by, int64_t *timesteps, float *table);

/* generator.c */

/* Settings from named arguments, with the manifest's defaults for those that are missing or null. */
Settings resolve(const Model *model, const cJSON *arguments);

/* What denoises the token at a position. */
Denoising denoising_at(const Model *model, const Settings *settings, size_t position);

/* Begins a generation. */
void start(Model *model, const Settings *settings);

/* Makes the next tokens (length, channels). */
void next_tokens(Model *model, float *tokens, size_t length);

/* The samples (length x hop) or pixels of tokens (length, channels), valid until the next call. */
float *decode(Model *model, const float *tokens, size_t length);

/* A value of a pixel, from 0 to 1, as a byte. */
unsigned char to_byte(float value);

/* self_test.c */

/* Compares with the bundle's vectors.json and prints the largest differences; returns the exit status. */
int self_test(Model *model, const char *folder);

#endif
