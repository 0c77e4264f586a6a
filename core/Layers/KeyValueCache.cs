namespace Hybrid.Layers;

/// <summary>
/// Keys and values of one attention of a decoder, kept from step to step, so that each step projects its own token only.
/// </summary>
/// <remarks>There is room for more steps than there have been, doubled when it is used up; a mask hides what is still empty.</remarks>
/// <param name="keys">Keys that are already there, [rows, room, keyFeatures], such as the encoder's output makes; persistent.</param>
/// <param name="values">Values, [rows, room, valueFeatures]; persistent.</param>
/// <param name="time">How many steps of them are written.</param>
internal sealed class KeyValueCache<T>(Tensor<T> keys, Tensor<T> values, int time) where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int FirstRoom = 16;

    // Keys and values; the second pair is what rows are copied into when they are selected; then the pairs change places.
    private Tensor<T>[] pair = [keys, values], spare = [keys, values];

    /// <summary>Nothing yet.</summary>
    internal KeyValueCache(int rows, int keyFeatures, int valueFeatures)
        : this(Tensor<T>.Zeros(new Shape(rows, FirstRoom, keyFeatures)), Tensor<T>.Zeros(new Shape(rows, FirstRoom, valueFeatures)), 0) { }

    /// <summary>Steps that are kept.</summary>
    internal int Time { get; private set; } = time;

    /// <summary>[rows, room, keyFeatures]; what lies behind <see cref="Time"/> is not yet written.</summary>
    internal Tensor<T> Keys => pair[0];

    /// <summary>[rows, room, valueFeatures], as the keys.</summary>
    internal Tensor<T> Values => pair[1];

    private int Room => Keys.Shape[1];

    /// <summary>Keeps more steps: their keys, [rows, steps, keyFeatures], and values, [rows, steps, valueFeatures].</summary>
    internal void Append(Tensor<T> newKeys, Tensor<T> newValues)
    {
        var steps = newKeys.Shape[1];
        int[] rows = [.. Enumerable.Range(0, Keys.Shape[0])];
        if (Time + steps > Room) Gather(rows, Math.Max(2 * Room, Time + steps));
        Copy([newKeys, newValues], rows, steps, pair, behind: Time);
        Time += steps;
    }

    /// <summary>Makes row i what row <c>rows[i]</c> was; a row may be left out or taken several times.</summary>
    internal void Select(int[] rows) => Gather(rows, Room);

    private void Gather(int[] rows, int room)
    {
        // The pairs have one number of rows and of steps at all times.
        if (spare[0] == Keys || spare[0].Shape[0] != rows.Length || spare[0].Shape[1] != room)
            spare = Array.ConvertAll(pair, kept => Tensor<T>.Zeros(new Shape(rows.Length, room, kept.Shape[2])));
        Copy(pair, rows, Time, spare, behind: 0);
        (pair, spare) = (spare, pair);
    }

    /// <summary>Writes the first steps of some rows into the rows of the targets, behind the steps that these have.</summary>
    private static void Copy(Tensor<T>[] sources, int[] rows, int steps, Tensor<T>[] targets, int behind)
    {
        foreach (var (source, target) in sources.Zip(targets))
            for (int row = 0, features = source.Shape[2]; row < rows.Length; row++)
                source.Span.Slice(rows[row] * source.Shape[1] * features, steps * features)
                    .CopyTo(target.Span[((row * target.Shape[1] + behind) * features)..]);
    }
}
