/* clones.h - loops for the vector unit that the processor has
 *
 *     VECTOR_CLONES static void halve_row(...)
 *
 * The function, with all that it calls and whose body is in sight, is compiled twice: for any processor of the
 * architecture and for AVX2; the loader takes the one that fits the machine. For loops over integers, or floats whose
 * order of operations the source fixes: no multiply-add is fused (Makefile: floats), so both give the same bytes.
 * Elsewhere than on x86-64, and under a sanitizer (its runtime is not up when the loader chooses), it means nothing.
 */
#ifndef SLICEPRESS_BASE_CLONES_H
#define SLICEPRESS_BASE_CLONES_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define VECTOR_CLONES
#endif
#endif

#if !defined(VECTOR_CLONES) && defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define VECTOR_CLONES __attribute__((target_clones("avx2", "default"), flatten))
#endif

#ifndef VECTOR_CLONES
#define VECTOR_CLONES
#endif

#endif
