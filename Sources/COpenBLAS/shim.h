// The part of OpenBLAS and LAPACK that Mercer calls. Declared here, so that no header of the
// library is needed to build: only libopenblas itself. Column-major, Fortran calling convention for LAPACK.
#ifndef MERCER_OPENBLAS_SHIM_H
#define MERCER_OPENBLAS_SHIM_H

enum { MercerRowMajor = 101, MercerColMajor = 102, MercerNoTrans = 111, MercerTrans = 112 };

void cblas_dgemm(int order, int transA, int transB, int m, int n, int k, double alpha, const double *a, int lda,
                 const double *b, int ldb, double beta, double *c, int ldc);
void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);
void openblas_set_num_threads(int n);

#endif
