namespace Hybrid.Scripts

open System
open Hybrid.Kernels
open MathNet.Numerics.LinearAlgebra

/// The likelihood of points under a density that samples stand for: the mean of Gaussians with one around each of them (Parzen windows; Breuleux,
/// Bengio and Vincent 2011; Goodfellow et al. 2014, section 5). A model that gives samples and no density can be judged by it, roughly: the
/// paper says itself that the estimate has a high variance and does badly in many dimensions.
[<RequireQualifiedAccess>]
module Parzen =
    // Of distances held at a time, 8 MB.
    let private chunkLength = 1 <<< 20

    let private squaredNorms width (rows: float[]) =
        Array.init (rows.Length / width) (fun i ->
            let mutable sum = 0.0

            for j in i * width .. (i + 1) * width - 1 do
                sum <- sum + rows[j] * rows[j]

            sum)

    /// Squared distances of points from samples, both in rows of that width, [points, samples]: |x|² + |s|² − 2 x·s, in double precision, as
    /// it cancels where they are close.
    let private squaredDistances width (points: float[]) (samples: float[]) =
        let pointNorms, sampleNorms = squaredNorms width points, squaredNorms width samples
        let rows, columns = pointNorms.Length, sampleNorms.Length
        let distances: float[] = Array.zeroCreate (rows * columns)

        Gemm.NT(
            rows,
            columns,
            width,
            ReadOnlySpan points,
            width,
            ReadOnlySpan samples,
            width,
            Span distances,
            columns,
            false
        )

        Workers.For(
            rows,
            1,
            fun _ first last ->
                for i in first .. last - 1 do
                    for j in 0 .. columns - 1 do
                        let k = i * columns + j
                        distances[k] <- max 0.0 (pointNorms[i] + sampleNorms[j] - 2.0 * distances[k])
        )

        distances

    /// log (1/n) Σ exp(−d / 2σ²) − (features / 2) log 2πσ² over n squared distances d; the smallest of them is taken out of the sum, so that its
    /// term is 1 and no logarithm is of 0.
    let private logMean features (squares: ReadOnlyMemory<float>) bandwidth =
        let squares = squares.Span
        let twoVariances = 2.0 * bandwidth * bandwidth
        let mutable nearest = squares[0]

        for i in 1 .. squares.Length - 1 do
            nearest <- min nearest squares[i]

        let mutable sum = 0.0

        for i in 0 .. squares.Length - 1 do
            sum <- sum + exp ((nearest - squares[i]) / twoVariances)

        log (sum / float squares.Length)
        - nearest / twoVariances
        - float features / 2.0 * log (Math.PI * twoVariances)

    /// The log-likelihood of each point, for each bandwidth, [bandwidths, points].
    let private logLikelihoods (samples: float32[][]) (points: float32[][]) (bandwidths: float[]) =
        if samples.Length = 0 then
            invalidArg (nameof samples) "there are no samples, and so there is no density; draw some."

        let width = samples[0].Length

        for row in Seq.append samples points do
            if row.Length <> width then
                invalidArg
                    (nameof points)
                    $"a row of {row.Length} numbers among rows of {width}; points and samples need one length."

        for bandwidth in bandwidths do
            if not (bandwidth > 0.0 && Double.IsFinite bandwidth) then
                invalidArg (nameof bandwidths) $"a bandwidth must be positive and finite, got {bandwidth}."

        let flat (rows: float32[][]) = rows |> Array.collect (Array.map float)
        let flatSamples = flat samples
        let result: float[][] = bandwidths |> Array.map (fun _ -> Array.zeroCreate points.Length)
        let mutable before = 0

        for chunk in Array.chunkBySize (max 1 (chunkLength / samples.Length)) points do
            let distances = squaredDistances width (flat chunk) flatSamples
            let start = before

            Workers.For(
                chunk.Length,
                1,
                fun _ first last ->
                    for i in first .. last - 1 do
                        let ofPoint = ReadOnlyMemory(distances, i * samples.Length, samples.Length)

                        for b in 0 .. bandwidths.Length - 1 do
                            result[b][start + i] <- logMean width ofPoint bandwidths[b]
            )

            before <- before + chunk.Length

        result

    /// The log-likelihood of each point in nats, as a density over all its numbers; NaN where a number is NaN. The bandwidth is the
    /// standard deviation of each Gaussian, σ in the paper, in the units of the numbers.
    let logLikelihood (samples: float32[][]) (points: float32[][]) (bandwidth: float) =
        (logLikelihoods samples points [| bandwidth |])[0]

    /// The bandwidth of the grid under which points that are not used otherwise are likeliest in the mean, as the paper chooses it.
    let bestBandwidth (samples: float32[][]) (validation: float32[][]) (grid: float list) =
        if List.isEmpty grid || validation.Length = 0 then
            invalidArg (nameof grid) "a bandwidth is chosen from one or more by one point or more; pass some of both."

        let means = logLikelihoods samples validation (Array.ofList grid) |> Array.map Array.average
        List.zip grid (List.ofArray means) |> List.maxBy snd |> fst

/// What a sample would be a copy of, had the generator learned by heart.
[<RequireQualifiedAccess>]
module Neighbour =
    /// The row that is closest to x, and its Euclidean distance, in the units of the numbers; the first of several.
    let nearest (rows: float32[][]) (x: float32[]) =
        let distance (row: float32[]) =
            if row.Length <> x.Length then
                invalidArg (nameof x) $"x has {x.Length} numbers and a row {row.Length}; they need one length."

            let mutable sum = 0.0

            for i in 0 .. x.Length - 1 do
                let difference = float row[i] - float x[i]
                sum <- sum + difference * difference

            sqrt sum

        let distances = Array.map distance rows

        // No comparison with NaN holds, so it would go unnoticed among the others.
        match Array.tryFindIndex Double.IsNaN distances with
        | Some i -> i, nan
        | None -> distances |> Array.indexed |> Array.minBy snd

/// How far two sets of features are apart when each is taken for a Gaussian (Dowson and Landau 1982; Heusel et al. 2017). Published
/// figures have the features of Inception-v3; with those of another classifier they cannot be compared.
[<RequireQualifiedAccess>]
module Frechet =
    let private mean (features: Matrix<float>) = features.ColumnSums() / float features.RowCount

    /// Unbiased, as Heusel et al. compute it.
    let private covariance (features: Matrix<float>) : Matrix<float> =
        let means = mean features

        let centred =
            Matrix<float>
                .Build.Dense(
                    features.RowCount,
                    features.ColumnCount,
                    fun row column -> features[row, column] - means[column]
                )

        centred.TransposeThisAndMultiply centred / float (features.RowCount - 1)

    /// The eigenvectors of a symmetric matrix without negative eigenvalues, and the roots of these; those that rounding took below 0 are 0.
    let private roots (symmetric: Matrix<float>) =
        let parts = ((symmetric + symmetric.Transpose()) / 2.0).Evd(Symmetricity.Symmetric)
        parts.EigenVectors, parts.EigenValues.Map(fun value -> sqrt (max 0.0 value.Real))

    /// |mₐ − m_b|² + tr(Sₐ + S_b − 2 (Sₐ^½ S_b Sₐ^½)^½), a row for each example: the square of the distance, which is what papers give as
    /// FID; in squared units of the features. NaN if a feature is not finite.
    let distance (a: Matrix<float>) (b: Matrix<float>) =
        if a.ColumnCount <> b.ColumnCount then
            invalidArg
                (nameof b)
                $"rows of {a.ColumnCount} features and of {b.ColumnCount} have no distance; take both from one network."

        if min a.RowCount b.RowCount < 2 then
            invalidArg (nameof a) "a covariance needs two rows or more; pass more examples."

        if Seq.forall Double.IsFinite (a.Enumerate()) && Seq.forall Double.IsFinite (b.Enumerate()) then
            let between = mean a - mean b
            let covarianceA, covarianceB = covariance a, covariance b
            let vectors, values = roots covarianceA
            let rootA = vectors * Matrix<float>.Build.DenseOfDiagonalVector(values) * vectors.Transpose()
            let _, crossed = roots (rootA * covarianceB * rootA)
            between.DotProduct between + covarianceA.Trace() + covarianceB.Trace() - 2.0 * crossed.Sum()
        else
            nan
