/* The self test: what is computed here beside what the Python runtime computed, as the bundle's vectors.json has it. */
#include "adr.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What another processor's logarithms, sines and roots may differ by. */
static const double TABLE_TOLERANCE = 1e-5;

/* The largest of `worst` and the differences from an array of numbers, infinite where there are more or fewer. */
static double compare(double worst, const cJSON *expected, const float *found, size_t count) {
    const cJSON *item;
    if ((size_t)cJSON_GetArraySize(expected) != count)
        return INFINITY;
    cJSON_ArrayForEach(item, expected) {
        double difference = fabs((double)*found++ - (float)item->valuedouble);
        worst = difference <= worst ? worst : isnan(difference) ? INFINITY : difference;
    }
    return worst;
}

static bool report(const char *what, double worst, double tolerance) {
    printf("%-8s largest difference %.3g%s\n", what, worst, worst <= tolerance ? "" : ", which is too much");
    return worst <= tolerance;
}

static bool test_noise(const Model *model, const cJSON *cases) {
    float *found = allocate(model->channels, sizeof *found);
    const cJSON *one;
    double worst = 0;
    cJSON_ArrayForEach(one, cases) {
        noise(strtoull(text(one, "seed"), NULL, 10), (uint32_t)whole(one, "row", 0, UINT32_MAX),
              (uint32_t)whole(one, "token", 0, UINT32_MAX), (uint32_t)whole(one, "step", 0, UINT32_MAX),
              model->channels, found);
        worst = compare(worst, field(one, "values"), found, model->channels);
    }
    free(found);
    return report("noise", worst, TABLE_TOLERANCE);
}

static bool test_samplers(const Model *model, const cJSON *cases) {
    const cJSON *one, *item;
    double worst = 0;
    cJSON_ArrayForEach(one, cases) {
        Settings settings = resolve(model, one);
        Denoising by = denoising_at(model, &settings, 0);
        int64_t *timesteps = allocate(by.steps, sizeof *timesteps);
        float *table = allocate(by.steps, COLUMNS * sizeof *table);
        size_t i = 0, j = 0;
        sampler_table(model->manifest, settings.sampler, by, timesteps, table);
        cJSON_ArrayForEach(item, field(one, "timesteps"))
            worst = i < by.steps && timesteps[i++] == (int64_t)item->valuedouble ? worst : INFINITY;
        cJSON_ArrayForEach(item, field(one, "coefficients"))
            worst = j < by.steps ? compare(worst, item, table + COLUMNS * j++, COLUMNS) : INFINITY;
        worst = i == by.steps && j == by.steps ? worst : INFINITY;
        free(timesteps);
        free(table);
    }
    return report("samplers", worst, TABLE_TOLERANCE);
}

/* Generates what one result has and compares tokens and samples or pixels. */
static bool test_result(Model *model, const cJSON *result) {
    const cJSON *arguments = field(result, "arguments"), *item;
    const double tolerance = number(result, "tolerance", 0, 1);
    const size_t length = model->sound ? whole(arguments, "tokens", 1, 1 << 16) : model->length;
    const size_t count = model->sound ? length * model->hop : model->pixels;
    const size_t late = model->delay < count ? model->delay : count;
    float *tokens = allocate(length * model->channels, sizeof *tokens);
    Settings settings = resolve(model, arguments);
    double worst = 0;
    size_t i = 0;
    start(model, &settings);
    next_tokens(model, tokens, length);
    cJSON_ArrayForEach(item, field(result, "first_tokens"))
        worst = i < length ? compare(worst, item, tokens + model->channels * i++, model->channels) : INFINITY;
    worst = i == (length < 4 ? length : 4) ? worst : INFINITY;
    bool good = report("tokens", worst, tolerance);
    float *signal = decode(model, tokens, length);
    free(tokens);
    if (model->sound)
        return report("samples", compare(0, field(result, "samples"), signal + late, count - late), tolerance) && good;
    for (i = 0; i < count; i++)
        signal[i] = to_byte(signal[i]);
    /* Of a large picture, vectors have the first values. */
    const size_t compared = count < 1 << 14 ? count : 1 << 14;
    return report("pixels", compare(0, field(result, "pixels"), signal, compared) / 255, tolerance) && good;
}

int self_test(Model *model, const char *folder) {
    char hash[65];
    cJSON *vectors = read_json(folder, "vectors.json", 1 << 22, hash);
    const cJSON *result;
    if (strcmp(text(vectors, "bundle"), model->hash))
        fail("%s/vectors.json: belongs to another bundle; fetch or export the bundle again", folder);
    bool good = test_noise(model, field(vectors, "noise"));
    good &= test_samplers(model, field(vectors, "samplers"));
    cJSON_ArrayForEach(result, field(vectors, "results")) good &= test_result(model, result);
    cJSON_Delete(vectors);
    puts(good ? "ok" : "FAILED");
    return !good;
}
