namespace Hybrid.Kernels;

/// <summary>
/// Loops over tensors whose shapes broadcast, their transposes, which sum over the axes that were repeated, and axes in another order. All
/// are shared out over the workers. With <c>accumulate</c>, a result is added to its target.
/// </summary>
internal static unsafe class Strided
{
    private const int ElementsPerPart = 1 << 14;

    // Into how many pieces a sum is cut at most, however many workers there are, and the columns that one of them sums at a time.
    private const int MostPieces = 64, Segment = 1 << 11;

    // Rows of a transposition that one worker takes at a time.
    private const int Strip = 64;

    /// <summary>f(a, b), of the shape to which a and b broadcast.</summary>
    /// <exception cref="ShapeException">They do not.</exception>
    public static Tensor<T> Map<T, TFormula>(TFormula f, Tensor<T> a, Tensor<T> b, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2
    {
        var y = Tensor<T>.Rent(arena, Shape.Broadcast(a.Shape, b.Shape));
        Map(f, a, b, y);
        return y;
    }

    /// <summary>y = f(a, b); y has the shape to which a and b broadcast.</summary>
    public static void Map<T, TFormula>(TFormula f, Tensor<T> a, Tensor<T> b, Tensor<T> y)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2 =>
        Map(new Formula2<T, TFormula>(f), y.Shape, a, b, a, y, accumulate: false);

    /// <summary>y = f(a, b, c); y has the shape to which a, b and c broadcast.</summary>
    public static void Map<T, TFormula>(TFormula f, Tensor<T> a, Tensor<T> b, Tensor<T> c, Tensor<T> y, bool accumulate = false)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula3 =>
        Map(new Formula3<T, TFormula>(f), y.Shape, a, b, c, y, accumulate);

    /// <summary>y = x, which broadcasts to y's shape: the transpose of a sum.</summary>
    public static void Repeat<T>(Tensor<T> x, Tensor<T> y, bool accumulate) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Map(default(Same<T>), y.Shape, x, x, x, y, accumulate);

    /// <summary>The slot is Σ map(dy) over the axes of dy that it lacks or has only one index of.</summary>
    /// <remarks>
    /// The order of additions depends on the shapes and on <see cref="Instructions.Path"/> alone, not on the number of workers.
    /// </remarks>
    public static void Sum<T, TMap>(TMap map, Tensor<T> dy, (Tensor<T> Slot, bool Accumulate) target, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T> => Reduce(map, dy, dy, dy, target, arena);

    /// <summary>The same of f(dy, a); a broadcasts to dy's shape.</summary>
    public static void Sum<T, TFormula>(TFormula f, Tensor<T> dy, Tensor<T> a, (Tensor<T> Slot, bool Accumulate) target, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula2 =>
        Reduce(new Formula2<T, TFormula>(f), dy, a, dy, target, arena);

    /// <summary>The same of f(dy, a, b); a and b broadcast to dy's shape.</summary>
    public static void Sum<T, TFormula>(
        TFormula f, Tensor<T> dy, Tensor<T> a, Tensor<T> b, (Tensor<T> Slot, bool Accumulate) target, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TFormula : struct, IFormula3 =>
        Reduce(new Formula3<T, TFormula>(f), dy, a, b, target, arena);

    /// <summary>y = x with its axes in another order: axis i of y is axis <c>order[i]</c> of x.</summary>
    public static void Permute<T>(int[] order, Tensor<T> x, Tensor<T> y, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x.Length == 0) return;
        var axes = Walk.Of(order, x.Shape);
        // Where the fastest axis stays the fastest, whole rows are copied.
        if (axes[^1].Step.X <= 1) Run(default(Same<T>), axes, x, x, x, y, accumulate);
        else Transpose(axes, x, y, accumulate);
    }

    private static void Transpose<T>(Axis[] axes, Tensor<T> x, Tensor<T> y, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        // A matrix whose rows are contiguous in x and its columns in y, once for every index of the other axes.
        Axis row = axes[^1], column = Array.Find(axes, axis => axis.Step.X == 1);
        Axis[] strips = [.. axes[..^1].Where(axis => axis != column), new((row.Extent - 1) / Strip + 1, row.Step * Strip)];
        Workers.For(Walk.Count(strips), 1 + ElementsPerPart / Strip / column.Extent, (_, first, end) =>
        {
            fixed (T* px = x.Span, py = y.Span)
                for (; first < end; first++)
                {
                    var at = Walk.At(strips, first);
                    var rows = Math.Min(Strip, row.Extent - first % strips[^1].Extent * Strip);
                    Widest<T>.Run(new Transposition<T>(
                        rows, column.Extent, px + at.X, row.Step.X, py + at.Target, column.Step.Target, accumulate));
                }
        });
    }

    private static void Map<T, TMap>(TMap map, Shape whole, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        // Nothing is repeated: one row.
        if (x.Length == whole.Length && y.Length == whole.Length && z.Length == whole.Length)
            Elementwise.Map(map, x, y, z, target, accumulate);
        else Run(map, Walk.Of(whole, x.Shape, y.Shape, z.Shape, target.Shape), x, y, z, target, accumulate);
    }

    private static void Run<T, TMap>(TMap map, Axis[] axes, Tensor<T> x, Tensor<T> y, Tensor<T> z, Tensor<T> target, bool accumulate)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        var outer = axes[..^2];
        Axis row = axes[^2], column = axes[^1];
        Workers.For(target.Length, ElementsPerPart, (_, first, end) =>
        {
            fixed (T* px = x.Span, py = y.Span, pz = z.Span, pTarget = target.Span)
                for (int rows, columns; first < end; first += rows * columns)
                {
                    var (line, j) = Math.DivRem(first, column.Extent);
                    var (plane, i) = Math.DivRem(line, row.Extent);
                    var at = Walk.At(outer, plane) + row.Step * i + column.Step * j;
                    // Whole rows together; what a part begins or ends with may be less than a row.
                    columns = Math.Min(column.Extent - j, end - first);
                    rows = columns == column.Extent ? Math.Min(row.Extent - i, (end - first) / columns) : 1;
                    StridedLoops.Map(
                        map, rows, columns, row.Step, column.Step, px + at.X, py + at.Y, pz + at.Z, pTarget + at.Target, accumulate);
                }
        });
    }

    private static void Reduce<T, TMap>(
        TMap map, Tensor<T> x, Tensor<T> y, Tensor<T> z, (Tensor<T> Slot, bool Accumulate) target, Arena<T> arena)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> where TMap : struct, IMap<T>
    {
        var (slot, accumulate) = target;
        if (slot.Length == x.Length)
        {
            Map(map, x.Shape, x, y, z, slot, accumulate);
            return;
        }
        if (x.Length == 0)
        {
            if (!accumulate) slot.Span.Clear();
            return;
        }
        var axes = Walk.Of(x.Shape, x.Shape, y.Shape, z.Shape, slot.Shape);
        // The axes that stay and those that are summed over. The last axis is cut into segments, each an index of its own.
        var column = axes[^1];
        var segments = new Axis((column.Extent - 1) / Segment + 1, column.Step * Segment);
        var sumsColumns = column.Step.Target == 0;
        Axis[] kept = [.. axes[..^1].Where(axis => axis.Step.Target != 0)], summed = [.. axes[..^1].Where(axis => axis.Step.Target == 0)];
        var row = sumsColumns ? kept.LastOrDefault(new Axis(1, default)) : summed.LastOrDefault(new Axis(1, default));
        if (sumsColumns) summed = [.. summed, segments];
        else kept = [.. kept, segments];
        int keptCount = Walk.Count(kept), summedCount = Walk.Count(summed);

        // If what stays does not make pieces enough, what is summed over is cut as well, by the sizes alone; each cut has partial sums.
        var pieces = Math.Clamp(x.Length / ElementsPerPart, 1, MostPieces);
        var cuts = Math.Clamp(pieces / keptCount, 1, summedCount);
        var partial = cuts == 1 && !accumulate ? slot : Tensor<T>.Rent(arena, new Shape(cuts, slot.Length));
        partial.Span.Clear();
        var items = cuts * keptCount;
        Workers.For(items, 1 + ElementsPerPart / Math.Max(1, x.Length / items), (_, first, end) =>
        {
            fixed (T* px = x.Span, py = y.Span, pz = z.Span, pPartial = partial.Span)
                for (int count; first < end; first += count)
                {
                    var (cut, k) = Math.DivRem(first, keptCount);
                    int s = Workers.First(summedCount, cut, cuts), last = Workers.First(summedCount, cut + 1, cuts);
                    var at = Walk.At(kept, k);
                    var pTarget = pPartial + cut * slot.Length;
                    if (sumsColumns)
                    {
                        // A number for each of some rows.
                        for (count = Math.Min(row.Extent - k % row.Extent, end - first); s < last; s++)
                        {
                            var from = at + Walk.At(summed, s);
                            var columns = Math.Min(Segment, column.Extent - s % segments.Extent * Segment);
                            Widest<T>.Run(new StridedLoops.Loop<T, TMap, Accumulate, Yes>(
                                map, count, columns, row.Step, column.Step, px + from.X, py + from.Y, pz + from.Z, pTarget + from.Target));
                        }
                    }
                    else
                    {
                        // Some rows added to one.
                        count = 1;
                        var columns = Math.Min(Segment, column.Extent - k % segments.Extent * Segment);
                        for (int rows; s < last; s += rows)
                        {
                            rows = Math.Min(row.Extent - s % row.Extent, last - s);
                            var from = at + Walk.At(summed, s);
                            Widest<T>.Run(new StridedLoops.SumRowsLoop<T, TMap>(
                                map, rows, columns, row.Step, column.Step, px + from.X, py + from.Y, pz + from.Z, pTarget + from.Target));
                        }
                    }
                }
        });
        if (partial == slot) return;
        var total = partial.Span[..slot.Length];
        for (var cut = 1; cut < cuts; cut++) VectorMath.Add(partial.Span.Slice(cut * slot.Length, slot.Length), total);
        VectorMath.Copy(total, slot.Span, accumulate);
    }
}
