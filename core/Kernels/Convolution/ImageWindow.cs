namespace Hybrid.Kernels;

/// <summary>A rectangle of an image, [rows, columns, channels], that may reach over the image's edges: there it holds zeros.</summary>
internal readonly unsafe struct ImageWindow<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Its first number.</summary>
    public T* First { get; private init; }

    /// <summary>From one row to the next.</summary>
    public nint Row { get; private init; }

    /// <summary>The first of its rows that lie inside the image.</summary>
    public int FirstInside { get; private init; }

    /// <summary>The first row behind those.</summary>
    public int EndInside { get; private init; }

    /// <summary>Rows from top and columns from left on of an image, [height, width, channels].</summary>
    /// <remarks>
    /// Inside the image it is the image itself; else a copy in the thread's scratch memory, good until that is asked for again.
    /// </remarks>
    public static ImageWindow<T> Of(T* image, int height, int width, int channels, int top, int left, int rows, int columns)
    {
        if (top >= 0 && left >= 0 && top + rows <= height && left + columns <= width)
            return new() { First = image + ((nint)top * width + left) * channels, Row = (nint)width * channels, EndInside = rows };

        var line = columns * channels;
        var copy = (T*)Scratch.Rent((nint)rows * line * sizeof(T));
        int before = Math.Clamp(-left, 0, columns) * channels, end = Math.Clamp(width - left, 0, columns) * channels;
        for (var i = 0; i < rows; i++)
        {
            var target = new Span<T>(copy + (nint)i * line, line);
            if ((uint)(top + i) >= (uint)height || before >= end)
            {
                target.Clear();
                continue;
            }
            target[..before].Clear();
            new ReadOnlySpan<T>(image + ((nint)(top + i) * width + left) * channels + before, end - before).CopyTo(target[before..]);
            target[end..].Clear();
        }
        return new() { First = copy, Row = line, FirstInside = Math.Clamp(-top, 0, rows), EndInside = Math.Clamp(height - top, 0, rows) };
    }
}
