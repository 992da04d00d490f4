/* Noise and the sampler's table: integers, and float64 rounded to float32. */
#include "adr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TINY = 1e-20, TWO_PI = 6.283185307179586;

/* Philox4x32-10 (Salmon et al. 2011) on a counter, which its result replaces. */
static void philox(uint32_t c[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
        uint64_t p = (uint64_t)0xD2511F53 * c[0], q = (uint64_t)0xCD9E8D57 * c[2];
        c[0] = (uint32_t)(q >> 32) ^ c[1] ^ key0;
        c[1] = (uint32_t)q;
        c[2] = (uint32_t)(p >> 32) ^ c[3] ^ key1;
        c[3] = (uint32_t)p;
    }
}

void noise(uint64_t seed, uint32_t row, uint32_t token, uint32_t step, size_t channels, float *values) {
    for (size_t i = 0; i < channels; i += 4) {
        uint32_t words[4] = {(uint32_t)(i / 4), row, token, step};
        philox(words, (uint32_t)seed, (uint32_t)(seed >> 32));
        for (size_t j = 0; j < 4 && i + j < channels; j++) {
            double radius = sqrt(-2 * log((words[j & 2] + 0.5) / 4294967296.0));
            double angle = TWO_PI * ((words[(j & 2) + 1] + 0.5) / 4294967296.0);
            values[i + j] = (float)(radius * (j & 1 ? sin(angle) : cos(angle)));
        }
    }
}

static int64_t timestep(double timesteps, double steps, double i, double spacing) {
    if (spacing == 1)
        return (int64_t)rint(timesteps - i * (timesteps / steps)) - 1;
    double spaced = rint(timesteps * pow((steps - i) / steps, spacing) * 1e6) / 1e6;
    return (int64_t)fmax(floor(spaced + 0.5), steps - i) - 1;
}

static double log_ratio(double bar) { return 0.5 * (log(fmax(bar, TINY)) - log(fmax(1 - bar, TINY))); }

/* P, Q, A, B, C, S, R of a step from `bar` to `before`; `h_before` is the step before's and becomes this one's. */
static void coefficients(const char *sampler, bool first, bool last, double bar, double before, double *h_before,
                         double row[COLUMNS]) {
    double left = fmax(1 - bar, TINY), a = sqrt((1 - before) / left), b = sqrt(before) - a * sqrt(bar);
    if (!strcmp(sampler, "dpm++")) {
        double h = log_ratio(before) - log_ratio(bar), r = first || last ? 0 : h / (2 * *h_before);
        row[4] = -b * r;
        b *= 1 + r;
        *h_before = h;
    } else if (!strcmp(sampler, "ddpm")) {
        double beta = fmin(fmax(1 - bar / before, 0), 1), variance = beta * (1 - before) / left;
        a = last ? 0 : sqrt(1 - beta) * (1 - before) / left;
        b = last ? 1 : sqrt(before) * beta / left;
        row[5] = last ? 0 : sqrt(variance);
        row[6] = last ? 0 : 0.5 * log(fmax(beta, TINY) / fmax(variance, TINY));
    }
    row[2] = a;
    row[3] = b;
}

void sampler_table(const cJSON *manifest, const char *sampler, Denoising by, int64_t *timesteps, float *table) {
    const cJSON *betas = field(manifest, "schedule.betas"), *beta;
    bool epsilon = !strcmp(text(manifest, "schedule.prediction"), "epsilon");
    bool learned = cJSON_IsTrue(field(manifest, "schedule.learned_variance"));
    double spacing = field(manifest, "defaults.spacing") ? number(manifest, "defaults.spacing", 1, 4) : 1;
    double product = 1, h_before = 1;
    size_t steps = by.steps, count = (size_t)cJSON_GetArraySize(betas), i = 0;
    double *alpha_bar = allocate(count, sizeof *alpha_bar);
    cJSON_ArrayForEach(beta, betas) alpha_bar[i++] = product *= 1 - beta->valuedouble;
    for (i = 0; i < steps; i++)
        timesteps[i] = timestep((double)count, (double)steps, (double)i, spacing);
    for (i = 0; i < steps; i++) {
        double bar = alpha_bar[timesteps[i]], before = i + 1 < steps ? alpha_bar[timesteps[i + 1]] : 1;
        double signal = sqrt(bar), deviation = sqrt(1 - bar), row[COLUMNS] = {0};
        coefficients(sampler, i == 0, i == steps - 1, bar, before, &h_before, row);
        row[0] = epsilon ? 1 / signal : signal;
        row[1] = epsilon ? -deviation / signal : -deviation;
        row[5] *= by.temperature;
        row[6] *= learned;
        for (size_t j = 0; j < COLUMNS; j++)
            table[i * COLUMNS + j] = (float)row[j];
    }
    free(alpha_bar);
}
