// The part of OpenBLAS and LAPACK that Mercer calls. Declared here, so that no header of the
// library is needed to build: only libopenblas itself. Column-major, Fortran calling convention for LAPACK.
#ifndef MERCER_OPENBLAS_SHIM_H
#define MERCER_OPENBLAS_SHIM_H

#include <stddef.h>

enum { MercerRowMajor = 101, MercerColMajor = 102, MercerNoTrans = 111, MercerTrans = 112,
       MercerUpper = 121, MercerLower = 122, MercerNonUnit = 131, MercerUnit = 132, MercerLeft = 141 };

void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha, const double *a, int lda,
                 const double *b, int ldb, double beta, double *c, int ldc);
void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);
void cblas_dtrsm(int order, int side, int uplo, int transA, int diag, int m, int n, double alpha, const double *a,
                 int lda, double *b, int ldb);
void openblas_set_num_threads(int n);

// LAPACK. The last arguments are the lengths of the character arguments, which Fortran passes behind the others.
typedef const char *mercer_char;
typedef const int *mercer_int;
void dpotrf_(mercer_char uplo, mercer_int n, double *a, mercer_int lda, int *info, size_t);
void dgetrf_(mercer_int m, mercer_int n, double *a, mercer_int lda, int *ipiv, int *info);
void dgetrs_(mercer_char trans, mercer_int n, mercer_int nrhs, const double *a, mercer_int lda, const int *ipiv,
             double *b, mercer_int ldb, int *info, size_t);
void dgeqrf_(mercer_int m, mercer_int n, double *a, mercer_int lda, double *tau, double *work, mercer_int lwork,
             int *info);
void dgeqp3_(mercer_int m, mercer_int n, double *a, mercer_int lda, int *jpvt, double *tau, double *work,
             mercer_int lwork, int *info);
void dorgqr_(mercer_int m, mercer_int n, mercer_int k, double *a, mercer_int lda, const double *tau, double *work,
             mercer_int lwork, int *info);
void dsyevd_(mercer_char jobz, mercer_char uplo, mercer_int n, double *a, mercer_int lda, double *w, double *work,
             mercer_int lwork, int *iwork, mercer_int liwork, int *info, size_t, size_t);
void dstevd_(mercer_char jobz, mercer_int n, double *d, double *e, double *z, mercer_int ldz, double *work,
             mercer_int lwork, int *iwork, mercer_int liwork, int *info, size_t);
void dgeev_(mercer_char jobvl, mercer_char jobvr, mercer_int n, double *a, mercer_int lda, double *wr, double *wi,
            double *vl, mercer_int ldvl, double *vr, mercer_int ldvr, double *work, mercer_int lwork, int *info, size_t,
            size_t);
void dgesdd_(mercer_char jobz, mercer_int m, mercer_int n, double *a, mercer_int lda, double *s, double *u,
             mercer_int ldu, double *vt, mercer_int ldvt, double *work, mercer_int lwork, int *iwork, int *info, size_t);

#endif
